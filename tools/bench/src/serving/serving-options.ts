import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makeModel } from '../model-maker/make-model.ts';
import { readShape } from '../model-maker/model-shape.ts';
import { ARRIVALS, type Arrivals } from './arrivals.ts';

/** A wrong argument; the message says which. */
export class ArgumentError extends Error {}

export const SIDES = ['golek', 'llama-server', 'evaluate'] as const;
export type SideName = (typeof SIDES)[number];

/** Arguments that the benchmarks of serving share. */
export interface ServingOptions {
  /** Path of the model file. */
  readonly model: string;
  readonly sides: readonly SideName[];
  readonly llamaServer: string | undefined;
  readonly peerArgs: readonly string[];
  readonly golekArgs: readonly string[];
  readonly streams: readonly number[];
  /** How the streams of a sample start. */
  readonly arrivals: Arrivals;
  readonly rounds: number;
  /** Most rounds where some were disturbed. */
  readonly maxRounds: number;
  /** Rounds before them that do not count: a server of Node takes some until all that runs often is compiled. */
  readonly warmup: number;
  /** Requests that each stream sends one after the other in a sample; the last one where they start one after the other, until when the others go on. */
  readonly requests: number;
  readonly threads: number;
  readonly flashAttention: boolean;
  readonly batch: number;
  readonly promptTokens: number;
  readonly tokens: number;
  /** File for the results as JSON. */
  readonly json: string | undefined;
}

export const SERVING_USAGE = `serving|prefix|long-prefill|fair|border|abort [options]
  --model FILE|SIZE    a model file, or a size for make-model, e.g. 135m-q8_0 (default)
  --llama-server FILE  llama-server of the same llama.cpp; see build-peer
  --sides LIST         of golek,llama-server,evaluate (default: all that can run)
  --streams 1,4,8      requests at a time
  --rounds 5           samples of each side; up to --max-rounds (default 3 times as many) where others use the CPU
  --warmup 3           rounds before them that do not count
  --arrivals together|staggered  serving: all streams start at once (default), or one after the other over the time of an answer
  --requests 2         requests of each stream in a sample; staggered: of the last one (default 4), until when the others go on
  --prompt-tokens 128  --tokens 128  --threads 1  --batch 512  --flash-attention off|on
  --golek-arg ARG      for golek serve; --peer-arg ARG for llama-server; repeatable
  --json FILE          results and samples`;

const string = { type: 'string' } as const;

const whole = (flag: string, text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 1)
    throw new ArgumentError(`--${flag} takes a whole number from 1, got '${text}'`);
  return value;
};

const sideOf = (text: string): SideName => {
  const side = SIDES.find((name) => name === text);
  if (!side) throw new ArgumentError(`there is no side '${text}'; there are: ${SIDES.join(', ')}`);
  return side;
};

const arrivalsOf = (text: string): Arrivals => {
  const arrivals = ARRIVALS.find((name) => name === text);
  if (!arrivals) throw new ArgumentError(`--arrivals is ${ARRIVALS.join(' or ')}, got '${text}'`);
  return arrivals;
};

/** A scenario of the benchmarks of serving, as far as its arguments go. */
export interface ServingFlags {
  readonly name: string;
  /** Values of flags that it has in place of the general ones. */
  readonly defaults: Partial<Record<'streams' | 'prompt-tokens' | 'tokens' | 'warmup', string>>;
  /** Flags that would change nothing. */
  readonly without: readonly string[];
}

const SERVING: ServingFlags = { name: 'serving', defaults: {}, without: [] };
const DEFAULT_REQUESTS: Readonly<Record<Arrivals, number>> = { together: 2, staggered: 4 };

/** Reads the arguments of a scenario. Throws ArgumentError. */
export const readServingArgs = (
  args: readonly string[],
  { name, defaults, without }: ServingFlags = SERVING,
): ServingOptions => {
  const { values, tokens: given } = parseArgs({
    args: [...args],
    tokens: true,
    options: {
      model: { ...string, default: '135m-q8_0' },
      sides: string,
      'llama-server': string,
      'peer-arg': { ...string, multiple: true, default: [] },
      'golek-arg': { ...string, multiple: true, default: [] },
      streams: { ...string, default: defaults.streams ?? '1,4,8' },
      rounds: { ...string, default: '5' },
      'max-rounds': string,
      warmup: { ...string, default: defaults.warmup ?? '3' },
      arrivals: { ...string, default: 'together' },
      requests: string,
      threads: { ...string, default: '1' },
      'flash-attention': { ...string, default: 'off' },
      batch: { ...string, default: '512' },
      'prompt-tokens': { ...string, default: defaults['prompt-tokens'] ?? '128' },
      tokens: { ...string, default: defaults.tokens ?? '128' },
      json: string,
    },
  });
  for (const token of given)
    if (token.kind === 'option' && without.includes(token.name))
      throw new ArgumentError(`${name} has no --${token.name}: leave it out`);
  const llamaServer = values['llama-server'];
  if (llamaServer !== undefined && !existsSync(llamaServer))
    throw new ArgumentError(
      `--llama-server: there is no file '${llamaServer}'; 'npm run bench -- build-peer' makes one`,
    );
  const named = values.sides?.split(',').map(sideOf);
  if (named?.includes('llama-server') === true && llamaServer === undefined)
    throw new ArgumentError("--sides names llama-server: say where it is with --llama-server; 'build-peer' makes one");
  const flash = values['flash-attention'];
  if (flash !== 'on' && flash !== 'off') throw new ArgumentError(`--flash-attention is on or off, got '${flash}'`);
  const rounds = whole('rounds', values.rounds);
  const maxRounds = values['max-rounds'] === undefined ? 3 * rounds : whole('max-rounds', values['max-rounds']);
  if (maxRounds < rounds) throw new ArgumentError(`--max-rounds ${maxRounds} is less than --rounds ${rounds}`);
  const { json } = values;
  // Before hours of measuring, not after them.
  if (json !== undefined && !existsSync(path.dirname(path.resolve(json))))
    throw new ArgumentError(`--json: there is no folder '${path.dirname(json)}' for the file`);
  const arrivals = arrivalsOf(values.arrivals);
  const requests = whole('requests', values.requests ?? String(DEFAULT_REQUESTS[arrivals]));
  return {
    model: values.model,
    sides: named ?? SIDES.filter((side) => side !== 'llama-server' || llamaServer !== undefined),
    llamaServer,
    peerArgs: values['peer-arg'],
    golekArgs: values['golek-arg'],
    streams: values.streams.split(',').map((text) => whole('streams', text)),
    arrivals,
    rounds,
    maxRounds,
    warmup: whole('warmup', values.warmup),
    requests,
    threads: whole('threads', values.threads),
    flashAttention: flash === 'on',
    batch: whole('batch', values.batch),
    promptTokens: whole('prompt-tokens', values['prompt-tokens']),
    tokens: whole('tokens', values.tokens),
    json,
  };
};

/** The file that `--model` means: an existing one, or one of that size, made where it is not there yet. */
export const modelFile = async (model: string): Promise<string> => {
  if (existsSync(model)) return path.resolve(model);
  if (/[/\\]|\.gguf$/.test(model)) throw new ArgumentError(`--model: there is no file '${model}'`);
  const shape = readShape(model);
  const folder = path.join(tmpdir(), 'golek-bench-models');
  const out = path.join(folder, `${model}.gguf`);
  if (!existsSync(out)) {
    mkdirSync(folder, { recursive: true });
    await makeModel({ shape, out, name: `random ${model}` });
  }
  return out;
};
