import { createRequire } from 'node:module';
import path from 'node:path';
import { processTree } from '../process-cpu.ts';
import type { Contender, EngineSetup } from './contender.ts';
import { watchLoop, FROM_SOURCE, startProbed } from './probed-server.ts';
import { ScratchFolder } from './scratch-folder.ts';

/** Name under which the model is served. */
export const MODEL_NAME = 'bench';

export interface GolekServeOptions extends EngineSetup {
  readonly name?: string;
  /** More arguments of `golek serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Data folder, which is kept; default a new one, which is removed. */
  readonly home?: string;
}

const ROOT = path.dirname(createRequire(import.meta.url).resolve('@golek/platform-runtime/package.json'));

/** Node's arguments that run the command line: as it is installed, or from source where this program runs so. */
const program = (): string[] => {
  if (!FROM_SOURCE) return [path.join(ROOT, 'bin', 'golek.js')];
  const main = JSON.stringify(path.join(ROOT, 'src', 'cli', 'main.ts'));
  // An expression has no file name among its arguments.
  return [
    '--input-type=module',
    `--eval=const { runCli } = await import(${main}); await runCli(process.argv.slice(1))`,
    '--',
  ];
};

/** Starts `golek serve` with the engine in a process of its own, as it is by default. */
export const startGolekServe = async (options: GolekServeOptions): Promise<Contender> => {
  const { name = 'golek', model, threads, flashAttention, batch, sequences, context, args = [], env = {} } = options;
  await using owned = new AsyncDisposableStack();
  const home = options.home ?? owned.use(new ScratchFolder('golek-bench-home')).path;
  const server = owned.use(
    startProbed(
      name,
      [
        ...program(),
        'serve',
        '--model',
        `${MODEL_NAME}=${model}`,
        '--port=0',
        `--threads=${threads}`,
        `--context=${context}`,
        `--parallel=${sequences}`,
        `--gguf.batchSize=${batch}`,
        `--gguf.flashAttention=${flashAttention}`,
        '--gguf.gpu=false',
        ...args,
      ],
      { ...env, GOLEK_HOME: home },
    ),
  );
  const port = await server.until(() => {
    const text = /^golek listens on .*:(\d+)$/m.exec(server.output())?.[1];
    return text === undefined ? undefined : Number(text);
  });
  const running = owned.move();
  return {
    name,
    port,
    pids: () => processTree(server.pid),
    extra: { model: MODEL_NAME, ignore_eos: true },
    watchLoop: () => watchLoop(server),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
