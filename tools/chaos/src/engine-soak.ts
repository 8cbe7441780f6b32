import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { golekTiny } from '@golek/model-tiny';
import { median, trendOf, type MemoryTrend } from './memory-trend.ts';
import { childrenOf, cpuMs, residentMiB, serveGolek, type ServedGolek } from './server.ts';
import { engineInspector, settledMiB } from './settled-memory.ts';
import { streamOnce, type StreamOutcome, type StreamRequest } from './stream-client.ts';

export interface EngineSoakOptions {
  /** The built program, `apps/platform-runtime/bin/golek.js`. */
  readonly bin: string;
  /** Streams that are left by their client somewhere on the way. */
  readonly aborts: number;
  /** How often the engine is killed under load. */
  readonly kills: number;
  /** How often the model is loaded and unloaded, with `requestsPerCycle` answers in between. */
  readonly cycles: number;
  readonly requestsPerCycle: number;
  /** Measures memory after a collection, by Node's inspector; the engine's opens on port 9229. Default false: memory is zero. */
  readonly memory?: boolean;
  readonly log?: (line: string) => void;
}

interface Spread {
  readonly median: number;
  readonly worst: number;
}

export interface EngineSoakReport {
  readonly seconds: number;
  /** Whole answers, all of them the expected one. */
  readonly completed: number;
  /** Answers that a kill or their client ended. */
  readonly ended: number;
  /** Everything that should not have happened. */
  readonly wrong: readonly string[];
  /** Of the engine process over the aborts, of the server over the cycles. */
  readonly memory: { readonly engine: MemoryTrend; readonly server: MemoryTrend };
  /** From the last of the aborts until as many new requests as the model has sequences have their first token, milliseconds. */
  readonly freedMs: Spread;
  /** What the engine worked in that time: on a busy machine the time alone says more of the machine. */
  readonly freedCpuMs: Spread;
}

/** Rounds of aborts, and cycles, from one measure of the memory to the next. */
const MEASURE_EVERY = 5;
const PROMPT = 'Count from 1 to 20.';
const MAX_TOKENS = 96;
const PARALLEL = 8;
const FREED_WITHIN_MS = 5_000;
/** The process that reads unknown files. */
const MOST_CHILDREN_UNLOADED = 1;
const BACK_WITHIN_MS = 90_000;
/** Failures that are alike are told once. */
const SHOWN = 20;

const configFile = `models:
  bundled: false
  list:
    - { name: tiny, path: ${JSON.stringify(golekTiny.path)} }
gguf: { threads: 1, parallel: ${PARALLEL}, contextSize: 512 }
reliability:
  retry: { attempts: 1 }
`;

const spread = (values: readonly number[]): Spread => ({
  median: Math.round(median(values)),
  worst: Math.round(Math.max(0, ...values)),
});

class EngineSoak {
  readonly #options: EngineSoakOptions;
  readonly #server: ServedGolek;
  readonly #wrong = new Map<string, number>();
  readonly #freed: number[] = [];
  readonly #freedCpu: number[] = [];
  readonly #engineMemory: number[] = [];
  readonly #serverMemory: number[] = [];
  #expected: StreamOutcome | undefined;
  completed = 0;
  ended = 0;

  constructor(options: EngineSoakOptions, server: ServedGolek) {
    this.#options = options;
    this.#server = server;
  }

  get wrong(): string[] {
    return [...this.#wrong].map(([what, times]) => `${times}× ${what}`);
  }

  get memory(): EngineSoakReport['memory'] {
    return { engine: trendOf(this.#engineMemory), server: trendOf(this.#serverMemory) };
  }

  get freedMs(): Spread {
    return spread(this.#freed);
  }

  get freedCpuMs(): Spread {
    return spread(this.#freedCpu);
  }

  async run(): Promise<void> {
    const { aborts, kills, cycles, requestsPerCycle, log = () => undefined } = this.#options;
    this.#expected = await this.#ask(60_000);
    if (this.#expected.failure) throw new Error(`no reference answer: ${JSON.stringify(this.#expected.failure)}`);
    await this.#abortMany(aborts);
    log(
      `${aborts} aborted; freed after ${JSON.stringify(this.freedMs)} ms, ${JSON.stringify(this.freedCpuMs)} ms of work; engine ${JSON.stringify(this.memory.engine)} MiB`,
    );
    await this.#killMany(kills);
    log(`${kills} killed; ${this.completed} whole answers, ${this.ended} ended`);
    await this.#cycleMany(cycles, requestsPerCycle);
    log(`${cycles} loaded and unloaded; server ${JSON.stringify(this.memory.server)} MiB`);
    const output = this.#server.output();
    if (output.includes('MaxListenersExceededWarning')) this.#note('listeners were left behind: see the output');
    for (const line of output.split('\n'))
      if (/"level":(?:60|"fatal")|uncaught|unhandled/i.test(line)) this.#note(line.slice(0, 300));
  }

  #ask(limitMs: number, more: Partial<StreamRequest> = {}): Promise<StreamOutcome> {
    const { url } = this.#server;
    const signal = AbortSignal.timeout(limitMs);
    return streamOnce({ url, model: 'tiny', prompt: PROMPT, maxTokens: MAX_TOKENS, signal, ...more });
  }

  /** Clients leave at times spread over prefill and generation; afterwards nothing runs, and the same request gets the same answer. */
  async #abortMany(count: number): Promise<void> {
    const measured = this.#options.memory ? this.#engine() : undefined;
    const inspector = measured === undefined ? undefined : await engineInspector(measured);
    for (let done = 0; done < count; done += PARALLEL) {
      const batch = Array.from({ length: Math.min(PARALLEL, count - done) }, async (_, i) => {
        const client = new AbortController();
        // A part leaves while a long prompt is evaluated.
        const prompt = i % 2 === 0 ? PROMPT : `${done} ${'word '.repeat(300)}`;
        const answer = this.#ask(60_000, { signal: client.signal, prompt });
        await sleep((i * 7 + done) % 40);
        client.abort();
        await answer;
        this.ended += 1;
      });
      await Promise.all(batch);
      const left = performance.now();
      const engine = this.#engine();
      const used = engine === undefined ? 0 : cpuMs(engine);
      // What the model's health says of its load is up to a second old.
      const next = await Promise.all(Array.from({ length: PARALLEL }, () => this.#ask(60_000, { maxTokens: 1 })));
      this.#freed.push(performance.now() - left);
      for (const { failure } of next) if (failure) this.#note(`after aborts: ${JSON.stringify(failure)}`);
      if (engine !== undefined) this.#freedCpu.push(cpuMs(engine) - used);
      if (measured !== undefined && inspector !== undefined && (done / PARALLEL) % MEASURE_EVERY === 0)
        this.#engineMemory.push(await settledMiB(measured, inspector));
    }
    this.#judge(await this.#ask(60_000), 'after the aborts');
    await this.#until('all sequences to be free after aborts', () => this.#isFree(), FREED_WITHIN_MS);
  }

  /** The child with the model in it; another one reads files that nobody has looked at. */
  #engine(): number | undefined {
    return childrenOf(this.#server.pid).toSorted((a, b) => residentMiB(b) - residentMiB(a))[0];
  }

  async #isFree(): Promise<boolean> {
    const { models } = (await (await fetch(`${this.#server.url}/health/ready`)).json()) as {
      models: readonly { health?: { load?: { running: number; waiting: number } } }[];
    };
    const load = models[0]?.health?.load;
    return load !== undefined && load.running === 0 && load.waiting === 0;
  }

  async #killMany(count: number): Promise<void> {
    const stop = new AbortController();
    const streams = Array.from({ length: PARALLEL }, async () => {
      while (!stop.signal.aborted) {
        const outcome = await this.#ask(120_000);
        if (outcome.failure?.code === 'engine_crashed') {
          this.ended += 1;
          // A client that asks a model that is down again at once would only be told so again.
          await sleep(20);
        } else this.#judge(outcome, 'between kills');
      }
    });
    for (let round = 1; round <= count; round++) {
      await sleep((round * 37) % 200);
      if (!(await this.#until('an engine process to kill', async () => this.#killEngine(), BACK_WITHIN_MS))) break;
      const before = this.completed;
      await this.#until('an answer after a kill', async () => this.completed > before, BACK_WITHIN_MS);
    }
    stop.abort();
    await Promise.all(streams);
    this.#judge(await this.#ask(60_000), 'after the kills');
  }

  /** Whether there was one: it may be on its way up, or have ended by itself a moment ago. */
  #killEngine(): boolean {
    const victim = this.#engine();
    try {
      return victim !== undefined && process.kill(victim, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  }

  async #cycleMany(count: number, requests: number): Promise<void> {
    for (let round = 1; round <= count; round++) {
      await this.#admin('load');
      const answers = await Promise.all(Array.from({ length: requests }, () => this.#ask(60_000)));
      for (const answer of answers) this.#judge(answer, `in cycle ${round}`);
      await this.#admin('unload');
      if (childrenOf(this.#server.pid).length > MOST_CHILDREN_UNLOADED)
        this.#note('an unloaded model still has an engine process');
      if (this.#options.memory && round % MEASURE_EVERY === 0)
        this.#serverMemory.push(await settledMiB(this.#server.pid, this.#server.inspector));
      if (round % 100 === 0) this.#options.log?.(`cycle ${round}: ${this.#serverMemory.at(-1)?.toFixed(0) ?? ''} MiB`);
    }
  }

  async #admin(action: 'load' | 'unload'): Promise<void> {
    const response = await fetch(`${this.#server.url}/admin/v1/models/tiny/${action}`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) this.#note(`${action} answered ${response.status}: ${text}`);
  }

  #judge({ text, tokens, finish, failure }: StreamOutcome, when: string): void {
    const expected = this.#expected;
    if (failure) this.#note(`${when}: ${failure.code}: ${failure.message}`);
    else if (text === expected?.text && tokens === expected.tokens && finish === expected.finish) this.completed += 1;
    else this.#note(`${when}: another answer: ${JSON.stringify({ text, tokens, finish })}`);
  }

  #note(what: string): void {
    const line = this.#wrong.has(what) || this.#wrong.size < SHOWN ? what : '(others)';
    this.#wrong.set(line, (this.#wrong.get(line) ?? 0) + 1);
  }

  async #until(what: string, holds: () => Promise<boolean>, limitMs: number): Promise<boolean> {
    const deadline = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > deadline) {
        this.#note(`waited ${limitMs} ms for ${what}`);
        return false;
      }
      await sleep(5);
    }
    return true;
  }
}

/**
 * Runs a server with one engine process through what engines must survive: clients that leave, kill -9 under load, loading and unloading. Every whole
 * answer must be the expected one, everything else must end, and memory must not grow.
 */
export const runEngineSoak = async (options: EngineSoakOptions): Promise<EngineSoakReport> => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-soak-'));
  try {
    await writeFile(path.join(home, 'golek.yaml'), configFile);
    await using server = await serveGolek(options.bin, home);
    const soak = new EngineSoak(options, server);
    const started = performance.now();
    await soak.run();
    const { completed, ended, wrong, memory, freedMs, freedCpuMs } = soak;
    return { seconds: (performance.now() - started) / 1000, completed, ended, wrong, memory, freedMs, freedCpuMs };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};
