import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { golekTiny } from '@golek/model-tiny';
import { childrenOf, residentMiB, serveGolek, type ServedGolek } from './server.ts';
import { streamOnce, type StreamOutcome } from './stream-client.ts';

export interface ChaosOptions {
  /** The built program, `apps/platform-runtime/bin/golek.js`. */
  readonly bin: string;
  /** Streams at the same time. */
  readonly streams: number;
  /** How often each thing is done. */
  readonly plugins: number;
  readonly configurations: number;
  readonly routes: number;
  readonly kills: number;
  readonly log?: (line: string) => void;
}

export interface ChaosReport {
  readonly seconds: number;
  readonly completed: number;
  /** Streams whose engine was killed after their first token had reached the client: no policy can save them. */
  readonly cut: number;
  /** Every other failure, and every answer that was not exactly the expected one. */
  readonly wrong: readonly string[];
  readonly done: Readonly<Record<'plugins' | 'configurations' | 'routes' | 'kills', number>>;
  /** Resident memory of the server, MiB: medians of the second and of the last quarter of the run. */
  readonly memory: { readonly early: number; readonly late: number };
}

/** Without near ties between tokens, so that a greedy answer is the same whatever else is in the batch. */
const PROMPT = 'Count from 1 to 20.';
const MAX_TOKENS = 96;
const SETTLE_MS = 20_000;
/** An engine that ends again and again is started with growing delays, up to half a minute. */
const RESTART_MS = 90_000;
/** From the end of a process until its parent's state tells of it. */
const SEEN_MS = 200;
/** Failures that are alike are told once. */
const SHOWN_FAILURES = 20;

const pluginSource = (version: number): string => `
export default {
  name: 'passing-through',
  version: '1.0.${version}',
  setup(host) {
    host.transform({
      name: 'every-event',
      request: (request) => ({ request }),
      stream: () => ({ event: (event) => [event] }),
    });
  },
};
`;

const configFile = (maxTools: number): string => `models:
  bundled: false
  list:
    - { name: left, path: ${JSON.stringify(golekTiny.path)} }
    - { name: right, path: ${JSON.stringify(golekTiny.path)} }
gguf: { threads: 1, parallel: 16 }
reliability:
  retry: { attempts: 4, minDelayMs: 50, maxDelayMs: 1000 }
plugins: { watch: true }
limits: { maxTools: ${maxTools} }
routes:
  - { name: chat, strategy: round-robin, targets: [{ model: left }, { model: right }] }
`;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Replaces a file in one step, as careful editors do. */
const replaceFile = async (file: string, text: string): Promise<void> => {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
};

class Chaos {
  readonly #options: ChaosOptions;
  readonly #server: ServedGolek;
  readonly #home: string;
  readonly #stop = new AbortController();
  readonly #memory: number[] = [];
  readonly #wrong = new Map<string, number>();
  completed = 0;
  cut = 0;
  /** Until when a kill may still be felt by streams that had begun, milliseconds of `performance.now()`. */
  #killedAt = Number.NEGATIVE_INFINITY;
  #expected: StreamOutcome | undefined;

  constructor(options: ChaosOptions, server: ServedGolek, home: string) {
    this.#options = options;
    this.#server = server;
    this.#home = home;
  }

  /** What went wrong and how often. */
  get wrong(): string[] {
    return [...this.#wrong].map(([what, times]) => `${times}× ${what}`);
  }

  get memory(): ChaosReport['memory'] {
    const quarter = Math.floor(this.#memory.length / 4);
    return {
      early: median(this.#memory.slice(quarter, 2 * quarter)),
      late: median(this.#memory.slice(-Math.max(1, quarter))),
    };
  }

  /** Makes every change in turn under load and gives how often each was made. */
  async run(): Promise<ChaosReport['done']> {
    for (const model of ['left', 'right']) this.#expected = await this.#reference(model);
    const streams = Array.from({ length: this.#options.streams }, () => this.#streamOn());
    const sampling = this.#sample();
    const done = { plugins: 0, configurations: 0, routes: 0, kills: 0 };
    const { plugins, configurations, routes, kills, log = () => undefined } = this.#options;
    try {
      for (const [what, times, change] of [
        ['plugins', plugins, (round: number) => this.#replacePlugin(round)],
        ['configurations', configurations, (round: number) => this.#changeConfiguration(round)],
        ['routes', routes, (round: number) => this.#pointRoute(round)],
        ['kills', kills, (round: number) => this.#killEngine(round)],
      ] as const) {
        for (let round = 1; round <= times; round += 1) {
          const before = this.completed;
          await change(round);
          done[what] = round;
          // Each change is felt by streams that began before and by some that began after it.
          await this.#until(`a stream to end after ${what} ${round}`, async () => this.completed > before);
        }
        log(
          `${what}: ${done[what]} done; ${this.completed} answers, ${this.cut} cut, ${this.wrong.length} wrong, ${residentMiB(this.#server.pid).toFixed(0)} MiB`,
        );
      }
    } finally {
      this.#stop.abort();
      await Promise.all([...streams, sampling]);
    }
    return done;
  }

  async #reference(model: string): Promise<StreamOutcome> {
    const signal = AbortSignal.timeout(60_000);
    const outcome = await streamOnce({ url: this.#server.url, model, prompt: PROMPT, maxTokens: MAX_TOKENS, signal });
    if (outcome.failure) throw new Error(`no reference answer of '${model}': ${JSON.stringify(outcome.failure)}`);
    if (this.#expected && this.#expected.text !== outcome.text) throw new Error('the two models do not answer alike');
    return outcome;
  }

  async #streamOn(): Promise<void> {
    const { url } = this.#server;
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      const outcome = await streamOnce({
        url,
        model: 'chat',
        prompt: PROMPT,
        maxTokens: MAX_TOKENS,
        signal: AbortSignal.timeout(120_000),
      });
      this.#judge(outcome, began);
    }
  }

  #judge({ text, tokens, finish, failure }: StreamOutcome, began: number): void {
    const expected = this.#expected;
    if (!expected) return;
    if (!failure) {
      if (text === expected.text && tokens === expected.tokens && finish === expected.finish) this.completed += 1;
      else this.#note(`a whole answer differs: ${JSON.stringify({ text, tokens, finish })}`);
      return;
    }
    const hit = began <= this.#killedAt;
    if (failure.code === 'engine_crashed' && hit && text !== '' && expected.text.startsWith(text)) this.cut += 1;
    else this.#note(`${failure.code} after '${text.slice(-40)}': ${failure.message}`);
  }

  #note(what: string): void {
    const line = this.#wrong.has(what) || this.#wrong.size < SHOWN_FAILURES ? what : '(others)';
    this.#wrong.set(line, (this.#wrong.get(line) ?? 0) + 1);
  }

  async #sample(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#memory.push(residentMiB(this.#server.pid));
      await sleep(250);
    }
  }

  async #replacePlugin(round: number): Promise<void> {
    await replaceFile(path.join(this.#home, 'plugins', 'passing-through.js'), pluginSource(round));
    await this.#until(`plugin version 1.0.${round}`, async () => {
      const { plugins } = await this.#admin<{ plugins: { name: string; version: string; state: string }[] }>(
        '/plugins',
      );
      return plugins.some(({ version, state }) => version === `1.0.${round}` && state === 'running');
    });
  }

  /** In turn by the file and by the API, on a key that the file does not shadow. */
  async #changeConfiguration(round: number): Promise<void> {
    const byFile = round % 2 === 0;
    const [key, value] = byFile ? ['limits.maxTools', 100 + round] : ['limits.maxInputs', 1000 + round];
    if (byFile) await replaceFile(path.join(this.#home, 'golek.yaml'), configFile(value));
    else await this.#admin(`/config/${key}`, 'PUT', { value });
    await this.#until(
      `${key} = ${value}`,
      async () => (await this.#admin<{ value: unknown }>(`/config/${key}`)).value === value,
    );
  }

  async #pointRoute(round: number): Promise<void> {
    const order = round % 2 === 0 ? ['left', 'right'] : ['right', 'left'];
    const targets = (round % 3 === 0 ? order.slice(0, 1) : order).map((model) => ({ model }));
    await this.#admin('/routes/chat', 'PUT', { strategy: round % 2 === 0 ? 'priority' : 'least-loaded', targets });
    // Both sides serve again for the kills that follow.
    if (round === this.#options.routes) {
      await this.#admin('/routes/chat', 'PUT', {
        strategy: 'round-robin',
        targets: [{ model: 'left' }, { model: 'right' }],
      });
    }
  }

  async #killEngine(round: number): Promise<void> {
    const engines = childrenOf(this.#server.pid);
    const victim = engines[round % engines.length];
    if (victim === undefined) throw new Error('no engine process to kill');
    process.kill(victim, 'SIGKILL');
    this.#killedAt = performance.now();
    // The server has seen the end of the one before its health counts.
    await this.#until('the killed engine to be gone', async () => !childrenOf(this.#server.pid).includes(victim));
    await sleep(SEEN_MS);
    await this.#until('both engines to work', async () => this.#bothWork(), RESTART_MS);
  }

  async #bothWork(): Promise<boolean> {
    const { models } = (await (await fetch(`${this.#server.url}/health/ready`)).json()) as {
      models: readonly { health?: { status: string } }[];
    };
    return models.length === 2 && models.every(({ health }) => health?.status === 'ok');
  }

  async #admin<T>(at: string, method = 'GET', body?: unknown): Promise<T> {
    const response = await fetch(`${this.#server.url}/admin/v1${at}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${at} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async #until(what: string, holds: () => Promise<boolean>, limitMs = SETTLE_MS): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > deadline) {
        throw new Error(`waited ${limitMs} ms for ${what}; wrong so far:\n${this.wrong.join('\n')}`);
      }
      await sleep(50);
    }
  }
}

/**
 * Runs a server with two engines behind one route and keeps streams open against it while, one after another, a plugin is replaced, the configuration
 * changes, the route is re-pointed and engines are killed. Every answer must be the expected one, token for token.
 */
export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-chaos-'));
  try {
    await mkdir(path.join(home, 'plugins'));
    await writeFile(path.join(home, 'golek.yaml'), configFile(100));
    await writeFile(path.join(home, 'plugins', 'passing-through.js'), pluginSource(0));
    await using server = await serveGolek(options.bin, home);
    const chaos = new Chaos(options, server, home);
    const started = performance.now();
    const done = await chaos.run();
    const { completed, cut, wrong, memory } = chaos;
    return { seconds: (performance.now() - started) / 1000, completed, cut, wrong, done, memory };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};
