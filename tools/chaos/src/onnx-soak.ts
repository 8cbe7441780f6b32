import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { golekEmbed } from '@golek/model-embed';
import { trendOf, type MemoryTrend } from './memory-trend.ts';
import { childrenOf, residentMiB, serveGolek, type ServedGolek } from './server.ts';

export interface OnnxSoakOptions {
  /** The built program, `apps/platform-runtime/bin/golek.js`. */
  readonly bin: string;
  /** How often the model is loaded and unloaded, with `requestsPerCycle` answers in between. */
  readonly cycles: number;
  readonly requestsPerCycle: number;
  readonly log?: (line: string) => void;
}

export interface OnnxSoakReport {
  readonly seconds: number;
  /** Whole answers, all of them the expected one. */
  readonly completed: number;
  /** Everything that should not have happened. */
  readonly wrong: readonly string[];
  /** Of the server over the cycles, and of the engine processes, each when it has answered. */
  readonly memory: { readonly server: MemoryTrend; readonly engine: MemoryTrend };
}

const TEXTS = ['How old are you?', 'The weather is lovely today.', `A long text ${'of many words '.repeat(20)}`];
const LEAST_COSINE = 0.9999;
/** The process that reads unknown files. */
const MOST_CHILDREN_UNLOADED = 1;
/** Failures that are alike are told once. */
const SHOWN = 20;

const configFile = `models:
  bundled: false
  list:
    - { name: embed, path: ${JSON.stringify(golekEmbed.path)} }
onnx: { threads: 1, executionProvider: cpu }
reliability:
  retry: { attempts: 1 }
`;

interface Embeddings {
  readonly data: readonly { readonly embedding: readonly number[] }[];
}

const cosine = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, component, index) => sum + component * (other[index] ?? NaN), 0);

class OnnxSoak {
  readonly #options: OnnxSoakOptions;
  readonly #server: ServedGolek;
  readonly #wrong = new Set<string>();
  readonly #serverMemory: number[] = [];
  readonly #engineMemory: number[] = [];
  #expected: readonly (readonly number[])[] = [];
  completed = 0;

  constructor(options: OnnxSoakOptions, server: ServedGolek) {
    this.#options = options;
    this.#server = server;
  }

  get wrong(): string[] {
    return [...this.#wrong];
  }

  get memory(): OnnxSoakReport['memory'] {
    return { server: trendOf(this.#serverMemory), engine: trendOf(this.#engineMemory) };
  }

  async run(): Promise<void> {
    const { cycles, requestsPerCycle, log } = this.#options;
    this.#expected = await this.#ask();
    await this.#admin('unload');
    for (let round = 1; round <= cycles; round++) {
      await this.#admin('load');
      await Promise.all(Array.from({ length: requestsPerCycle }, () => this.#judge(`in cycle ${round}`)));
      // The process with the model is the larger one; another one reads files that nobody has looked at.
      this.#engineMemory.push(Math.max(0, ...childrenOf(this.#server.pid).map(residentMiB)));
      await this.#admin('unload');
      if (childrenOf(this.#server.pid).length > MOST_CHILDREN_UNLOADED)
        this.#note('an unloaded model still has an engine process');
      this.#serverMemory.push(residentMiB(this.#server.pid));
      if (round % 50 === 0) log?.(`cycle ${round}: ${residentMiB(this.#server.pid).toFixed(0)} MiB`);
    }
    for (const line of this.#server.output().split('\n'))
      if (/"level":(?:60|"fatal")|uncaught|unhandled|MaxListenersExceeded/i.test(line)) this.#note(line.slice(0, 300));
  }

  async #ask(): Promise<readonly (readonly number[])[]> {
    const response = await fetch(`${this.#server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'embed', input: TEXTS }),
      signal: AbortSignal.timeout(60_000),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return ((await response.json()) as Embeddings).data.map(({ embedding }) => embedding);
  }

  async #judge(when: string): Promise<void> {
    try {
      const vectors = await this.#ask();
      const alike = this.#expected.every((vector, index) => cosine(vector, vectors[index] ?? []) >= LEAST_COSINE);
      if (alike) this.completed++;
      else this.#note(`${when}: other vectors`);
    } catch (error) {
      this.#note(`${when}: ${String(error)}`);
    }
  }

  async #admin(action: 'load' | 'unload'): Promise<void> {
    const response = await fetch(`${this.#server.url}/admin/v1/models/embed/${action}`, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) this.#note(`${action} answered ${response.status}: ${text}`);
  }

  #note(what: string): void {
    this.#wrong.add(this.#wrong.size < SHOWN ? what : '(others)');
  }
}

/** Loads and unloads an ONNX model through its engine process, with answers in between: every answer must be the expected one, and memory must not grow. */
export const runOnnxSoak = async (options: OnnxSoakOptions): Promise<OnnxSoakReport> => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-soak-'));
  try {
    await writeFile(path.join(home, 'golek.yaml'), configFile);
    await using server = await serveGolek(options.bin, home);
    const soak = new OnnxSoak(options, server);
    const started = performance.now();
    await soak.run();
    const { completed, wrong, memory } = soak;
    return { seconds: (performance.now() - started) / 1000, completed, wrong, memory };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
};
