import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { collect, GolekError } from '@golek/api';
import { golekTiny } from '@golek/model-tiny';
import { createGgufProvider, createIsolatedGgufProvider } from '@golek/provider-gguf';
import type { Provider } from '@golek/providers-spi';
import { isolatedProvider } from '@golek/providers-spi/isolation';
import { adapterFor } from './adapter-file.ts';
import { mutateGguf, mutationName, originalOf, type Original } from './mutate-gguf.ts';
import { randomOf } from '../random.ts';
import { ownLiveMiB } from '../settled-memory.ts';
import { saveState, writeDamaged, type SavedState } from './state-files.ts';
import type { Trial } from './trial-provider.ts';

export interface MutationOptions {
  /** Files to try. */
  readonly count: number;
  /** Files that are tried at once, each in a process. Default 2. */
  readonly parallel?: number;
  readonly log?: (line: string) => void;
}

export interface MutationReport {
  readonly seconds: number;
  readonly tried: number;
  /** How the files ended, for each kind of damage: error codes, `works`, or `process ended`, which is an error with a name too. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Everything that should not have happened. */
  readonly wrong: readonly string[];
  /** What this process, the supervisor, keeps, MiB: after the first tenth and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
  readonly slowestMs: number;
}

/** Errors that say something of a file. */
const NAMED = new Set([
  'model_invalid',
  'model_load_failed',
  'engine_crashed',
  'insufficient_memory',
  'unsupported',
  'provider_failed',
]);
const LIMIT_MS = 30_000;
/** Files after which a process is replaced by a new one: what a damaged file has left behind must not pile up. */
const PER_PROCESS = 200;
/** Of this many models one is opened as a server does, in a process of its own. */
const ALONE_EVERY = 40;
/** Of twenty files, so many are LoRA adapters and so many saved states; the others are models. */
const ADAPTERS = 3;
const STATES = 3;
const SHOWN = 20;

interface Originals {
  readonly model: Original;
  readonly adapter: Original;
  readonly state: SavedState;
}

interface Outcome {
  readonly kind: string;
  readonly outcome: string;
}

const { capabilities } = createGgufProvider();

const trialProcess = (): Provider =>
  isolatedProvider({
    id: 'gguf',
    capabilities,
    module: new URL(`./trial-provider.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
    exportName: 'createTrialProvider',
    // As the isolated provider has it.
    env: { GGML_NO_BACKTRACE: '1' },
    limits: { inspectMs: LIMIT_MS },
  });

/** One of the processes that try files, one file after the other. */
class Worker {
  readonly #originals: Originals;
  readonly #folder: string;
  #trials = trialProcess();
  #tried = 0;
  readonly #alone = createIsolatedGgufProvider({ threads: 1, gpu: false, contextSize: 64, parallel: 1 });

  constructor(originals: Originals, folder: string) {
    this.#originals = originals;
    this.#folder = folder;
  }

  async tryOne(index: number): Promise<Outcome> {
    if (++this.#tried % PER_PROCESS === 0) {
      await this.#trials[Symbol.asyncDispose]();
      this.#trials = trialProcess();
    }
    await mkdir(this.#folder, { recursive: true });
    const turn = index % 20;
    try {
      if (turn < ADAPTERS) return await this.#tryAdapter(index);
      if (turn < ADAPTERS + STATES) return await this.#tryState(index);
      return await this.#tryModel(index);
    } finally {
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  async #tryModel(index: number): Promise<Outcome> {
    const location = path.join(this.#folder, `m${index}.gguf`);
    await writeFile(location, mutateGguf(this.#originals.model, index));
    const alone = index % ALONE_EVERY === ALONE_EVERY - 1;
    const outcome = await outcomeOf(() => (alone ? this.#open(location) : this.#try(location, {})));
    return { kind: alone ? 'model in a process of its own' : `model: ${mutationName(index)}`, outcome };
  }

  async #tryAdapter(index: number): Promise<Outcome> {
    const adapter = path.join(this.#folder, 'adapter.gguf');
    await writeFile(adapter, mutateGguf(this.#originals.adapter, index));
    return {
      kind: `adapter: ${mutationName(index)}`,
      outcome: await outcomeOf(() => this.#try(golekTiny.path, { adapter })),
    };
  }

  async #tryState(index: number): Promise<Outcome> {
    const { state } = this.#originals;
    const signed = index % 2 === 0;
    const stateFolder = path.join(this.#folder, 'states');
    await writeDamaged(state, stateFolder, randomOf(index + 1), signed);
    const { prompt, maxTokens, expected } = state;
    const trial = { stateFolder, prompt, maxTokens };
    // A state with right digests is believed, and what is said in it then is part of the answer.
    const attempt = (): Promise<void> => this.#try(golekTiny.path, signed ? trial : { ...trial, expected });
    const outcome = await outcomeOf(attempt);
    const kind = signed ? 'state with right digests' : 'state';
    if (outcome === 'works') return { kind, outcome };
    // A state that did harm is gone.
    return { kind, outcome: `${outcome}, then ${await outcomeOf(attempt)}` };
  }

  async #try(location: string, options: Trial): Promise<void> {
    const source = { name: path.basename(location), location, options: { ...options } };
    await this.#trials.inspect(source, { signal: AbortSignal.timeout(2 * LIMIT_MS) });
  }

  async #open(location: string): Promise<void> {
    const signal = AbortSignal.timeout(2 * LIMIT_MS);
    const source = { name: path.basename(location), location };
    await using session = await this.#alone.open(source, { signal });
    const input = { type: 'text', prompt: 'Once' } as const;
    await collect(session.run({ task: 'generate', model: 'm', input, maxTokens: 4 }, { id: 'alone', signal }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#trials[Symbol.asyncDispose](), this.#alone[Symbol.asyncDispose]()]);
  }
}

const outcomeOf = async (work: () => Promise<void>): Promise<string> => {
  try {
    await work();
    return 'works';
  } catch (thrown) {
    const { code, message, details } = GolekError.from(thrown);
    // A file that ends the process that reads it.
    if (details && ('signal' in details || 'exitCode' in details)) return 'process ended';
    if (NAMED.has(code) && message.length > 10) return code;
    return `! ${code}: ${message.slice(0, 200)}`;
  }
};

class Tally {
  readonly outcomes: Record<string, Record<string, number>> = {};
  readonly #wrong = new Map<string, number>();
  tried = 0;
  slowestMs = 0;

  add(index: number, { kind, outcome }: Outcome, ms: number): void {
    this.tried++;
    this.slowestMs = Math.max(this.slowestMs, Math.round(ms));
    const isHarmful = outcome.includes(', then ') && !outcome.endsWith(', then works');
    // A state is read through before llama.cpp reads it.
    const isUnread = kind.startsWith('state') && outcome.includes('process ended');
    const isWrong = outcome.includes('! ') || isHarmful || isUnread;
    const told = (this.outcomes[kind] ??= {});
    const short = isWrong ? 'WRONG' : outcome;
    told[short] = (told[short] ?? 0) + 1;
    if (!isWrong) return;
    const what = `${kind}: ${outcome}`;
    if (this.#wrong.has(what) || this.#wrong.size < SHOWN) this.#wrong.set(what, this.#wrong.get(what) ?? index);
  }

  /** Each with the number of the first file that shows it. */
  get wrong(): string[] {
    return [...this.#wrong].map(([what, index]) => `#${index} ${what}`);
  }
}

const originals = async (folder: string): Promise<Originals> => {
  const file = await readFile(golekTiny.path);
  const states = path.join(folder, 'state');
  await mkdir(states);
  return {
    model: originalOf(file),
    adapter: originalOf(adapterFor(file)),
    state: await saveState(golekTiny.path, states),
  };
};

/**
 * Tries damaged models, LoRA adapters and saved states: each must work, or be refused by an error that has a name, within a time limit, whatever it does to the
 * process that reads it.
 */
export const runMutations = async ({ count, parallel = 2, log }: MutationOptions): Promise<MutationReport> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'golek-mutations-'));
  const started = performance.now();
  const tally = new Tally();
  let early = 0;
  try {
    const made = await originals(folder);
    let next = 0;
    const work = async (_: unknown, id: number): Promise<void> => {
      await using worker = new Worker(made, path.join(folder, String(id)));
      while (next < count) {
        const index = next++;
        const began = performance.now();
        tally.add(index, await worker.tryOne(index), performance.now() - began);
        if (tally.tried === Math.ceil(count / 10)) early = await ownLiveMiB();
        if (tally.tried % 500 === 0)
          log?.(
            `${tally.tried} files, ${Math.round((performance.now() - started) / 1000)} s, ${tally.wrong.length} wrong`,
          );
      }
    };
    // All have ended before the folder is taken away.
    const ended = await Promise.allSettled(Array.from({ length: parallel }, work));
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    const { tried, outcomes, wrong, slowestMs } = tally;
    const memory = { early, late: await ownLiveMiB() };
    return { seconds: (performance.now() - started) / 1000, tried, outcomes, wrong, memory, slowestMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
