/**
 * Benchmarks and what they need: `npm run bench -- NAME [options]`. Absolute numbers depend on the machine and on what else it does; the ratio of two sides that ran in
 * turn is what counts.
 */
import { MAKE_MODEL_USAGE } from './model-maker/make-model-command.ts';
import { ShapeError } from './model-maker/model-shape.ts';
import { ONNX_USAGE } from './onnx/onnx-options.ts';
import { REMOTE_GATEWAY_USAGE } from './remote-gateway/options.ts';
import { ArgumentError, SERVING_USAGE } from './serving/serving-options.ts';

/** Of serving-command.ts. */
const SCENARIO_NAMES = ['serving', 'prefix', 'long-prefill', 'fair', 'border', 'abort'] as const;

const PAIRS_USAGE = `gateway|telemetry|upstream|gguf [--rounds 7] [--model FILE] [--threads 1]
  Golek's parts beside the least that does the same`;
const BUILD_PEER_USAGE = `build-peer [--out DIR] [--dry-run]
  llama-server of the binding's llama.cpp, with the flags of its prebuilt binary`;

type Run = (args: readonly string[]) => Promise<void>;

/** Loaded when named: each brings an engine or a server of its own. */
const COMMANDS: Readonly<Record<string, () => Promise<Run>>> = {
  'make-model': async () => (await import('./model-maker/make-model-command.ts')).makeModelCommand,
  'remote-gateway': async () => (await import('./remote-gateway/command.ts')).remoteGatewayCommand,
  onnx: async () => (await import('./onnx/onnx-command.ts')).onnxCommand,
  'build-peer': async () => (await import('./build-peer-command.ts')).buildPeerCommand,
  ...Object.fromEntries(
    SCENARIO_NAMES.map((name) => [
      name,
      async () => (await import('./serving/serving-command.ts')).servingCommand(name),
    ]),
  ),
};

/** A wrong command line: of ours, or of parseArgs. */
const isMisuse = (error: unknown): error is Error =>
  error instanceof ShapeError ||
  error instanceof ArgumentError ||
  (error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS'));

const [name = '', ...rest] = process.argv.slice(2);
const load = COMMANDS[name];
// Servers that run are ended on exit, which a signal alone would pass by.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
try {
  if (process.argv.includes('--help'))
    console.log(
      [PAIRS_USAGE, REMOTE_GATEWAY_USAGE, SERVING_USAGE, ONNX_USAGE, MAKE_MODEL_USAGE, BUILD_PEER_USAGE].join('\n\n'),
    );
  else if (load) await (await load())(rest);
  else {
    const { pairsCommand } = await import('./pairs-command.ts');
    await pairsCommand(process.argv.slice(2), Object.keys(COMMANDS));
  }
} catch (error) {
  if (!isMisuse(error)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
