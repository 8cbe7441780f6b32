import { setImmediate as turn } from 'node:timers/promises';
import type { GolekError } from '@golek/providers-spi';
import type { BatchContext, SequenceMemory, TokenSampler } from '../binding.ts';
import type { Claim, Sequence } from './scheduler.ts';

export interface SimulatedStep {
  /** Sequence id and number of tokens of each row group, in the order added. */
  readonly rows: (readonly [sequence: number, tokens: number])[];
  readonly ms: number;
}

/** What a step takes, milliseconds; of a real one with 135M weights on two cores, about. */
export interface StepCosts {
  readonly step: number;
  readonly decodeRow: number;
  readonly promptToken: number;
  readonly copy: number;
}

const UNKNOWN = -1;
const FREE: StepCosts = { step: 0, decodeRow: 0, promptToken: 0, copy: 0 };
export const REAL_COSTS: StepCosts = { step: 4, decodeRow: 2.5, promptToken: 0.7, copy: 20 };

export interface SimulatedSizes {
  readonly sequences: number;
  readonly contextSize?: number;
  readonly batchSize?: number;
  readonly costs?: StepCosts;
  /** Factor on the time of each step. */
  readonly noise?: () => number;
}

/**
 * A context that counts upward: the token after n is n + 1. It holds cells as llama.cpp does (a hole, a full sequence or a batch that is too large is an error, a copy
 * takes place with the next step) and has a clock of its own that only steps move.
 */
export class SimulatedEngine implements BatchContext, SequenceMemory {
  readonly sequences: number;
  readonly contextSize: number;
  readonly batchSize: number;
  readonly steps: SimulatedStep[] = [];
  readonly cells = new Map<number, number[]>();
  readonly files = new Map<string, number[]>();
  copies = 0;
  disposed = 0;
  clock = 0;
  cutsTo = (position: number): number => position;
  first = 0;
  failDecode: Error | undefined;
  failSample: ((sampler: object) => Error | undefined) | undefined;
  interruptible = false;
  ownThread = false;
  interruptions = 0;
  /** Called while a batch is evaluated. */
  onEvaluation: (() => void) | undefined;
  onDecode: (() => void) | undefined;
  /** Told what the cells held at a position that is sampled. */
  onSample: ((sampler: object, cells: readonly number[]) => void) | undefined;
  readonly #costs: StepCosts;
  readonly #noise: () => number;
  #size = 0;
  #busy = false;
  #interrupted = false;
  #rows: [number, number[]][] = [];
  #logits: (readonly number[])[] = [];
  #copying: { readonly to: number; readonly cells: readonly number[] }[] = [];

  constructor({ sequences, contextSize = 1000, batchSize = 128, costs = FREE, noise = () => 1 }: SimulatedSizes) {
    this.sequences = sequences;
    this.contextSize = contextSize;
    this.batchSize = batchSize;
    this.#costs = costs;
    this.#noise = noise;
  }

  readonly now = (): number => this.clock;

  begin(rows: number): void {
    this.#idle();
    if (rows < 1 || rows > this.batchSize) throw new RangeError(`a batch of ${rows} rows; at most ${this.batchSize}`);
    this.#size = rows;
    this.#rows = [];
    this.#logits = [];
  }

  add(sequence: number, position: number, tokens: Uint32Array, logitsFrom: number): Uint32Array {
    const held = this.#held(sequence).length;
    if (held !== position) throw new Error(`a hole: ${held} cells, position ${position}`);
    if (held + tokens.length > this.contextSize) throw new Error(`sequence ${sequence} is full`);
    const last = this.#rows.at(-1)?.[0] ?? -1;
    if (sequence <= last) throw new Error(`sequence ${sequence} after ${last}`);
    this.#size -= tokens.length;
    if (this.#size < 0) throw new RangeError('more tokens than the batch holds');
    this.#rows.push([sequence, [...tokens]]);
    const whole = [...this.#held(sequence), ...tokens];
    const rows: number[] = [];
    for (let i = logitsFrom; i < tokens.length; i++) rows.push(this.#logits.push(whole.slice(0, held + i + 1)) - 1);
    return Uint32Array.from(rows);
  }

  /** As the CPU does with lasting threads, once `interruptible` is set. */
  get interrupt(): (() => void) | undefined {
    return this.interruptible ? () => (this.#interrupted = this.#busy) : undefined;
  }

  /** As in an engine process, once `ownThread` is set. */
  get decodeHere(): (() => void) | undefined {
    return this.ownThread ? () => this.#end(this.#start()) : undefined;
  }

  async decode(): Promise<boolean> {
    const ms = this.#start();
    this.#busy = true;
    this.#interrupted = false;
    await turn();
    this.onEvaluation?.();
    this.#busy = false;
    if (this.#wasInterrupted()) return this.#lose();
    this.#end(ms);
    return true;
  }

  /** It may have changed in a call from outside, which the compiler does not know. */
  #wasInterrupted(): boolean {
    return this.#interrupted;
  }

  /** Milliseconds that the step takes. */
  #start(): number {
    this.#idle();
    if (this.#size !== 0) throw new Error(`${this.#size} rows of the batch are not filled`);
    const { step, decodeRow, promptToken, copy } = this.#costs;
    let ms = step + copy * this.#copying.length;
    for (const [, tokens] of this.#rows) ms += tokens.length === 1 ? decodeRow : promptToken * tokens.length;
    ms *= this.#noise();
    this.steps.push({ rows: this.#rows.map(([sequence, tokens]) => [sequence, tokens.length] as const), ms });
    return ms;
  }

  #end(ms: number): void {
    this.clock += ms;
    this.onDecode?.();
    this.#copying = [];
    if (this.failDecode) {
      const error = this.failDecode;
      this.failDecode = undefined;
      throw error;
    }
    for (const [sequence, tokens] of this.#rows) this.cells.set(sequence, [...this.#held(sequence), ...tokens]);
  }

  /** What is in the cells behind those of before is not known. */
  #lose(): boolean {
    if (this.#copying.length > 0) throw new Error('interrupted while copies are to come');
    for (const [sequence] of this.#rows) this.cells.set(sequence, [...this.#held(sequence), UNKNOWN]);
    this.interruptions++;
    return false;
  }

  async sample(row: number, sampler: TokenSampler): Promise<number> {
    await turn();
    const error = this.failSample?.(sampler);
    if (error) throw error;
    const cells = this.#logits[row];
    if (cells === undefined) throw new Error(`row ${row} has no logits`);
    this.onSample?.(sampler, cells);
    return (cells.at(-1) ?? 0) + 1;
  }

  observe(): Promise<never> {
    return Promise.reject(new Error('not asked for'));
  }

  truncate(sequence: number, position: number): boolean {
    this.#idle();
    if (position > 0 && this.cutsTo(position) !== position) return false;
    this.cells.set(sequence, this.#held(sequence).slice(0, position));
    return true;
  }

  firstPosition(sequence: number): number {
    return this.#held(sequence).length === 0 ? -1 : this.first;
  }

  lastPosition(sequence: number): number {
    return this.#held(sequence).length - 1;
  }

  async copy(from: number, to: number): Promise<void> {
    this.#idle();
    this.#copying.push({ to, cells: this.#held(from) });
    this.cells.set(to, [...this.#held(from)]);
    this.copies++;
  }

  remove(): boolean {
    return false;
  }

  shift(): void {
    throw new Error('not built');
  }

  async save(sequence: number, path: string, tokens: Uint32Array): Promise<number> {
    this.#idle();
    if (this.#copying.some(({ to }) => to === sequence)) throw new Error('saved before it was copied');
    if (String([...tokens]) !== String(this.#held(sequence))) throw new Error('saved with other tokens than its cells');
    this.files.set(path, [...this.#held(sequence)]);
    return tokens.length;
  }

  async load(sequence: number, path: string): Promise<Uint32Array> {
    this.#idle();
    if (this.#copying.length > 0) throw new Error('restored while copies are to come');
    const cells = this.files.get(path) ?? [];
    this.cells.set(sequence, [...cells]);
    return Uint32Array.from(cells);
  }

  async dispose(): Promise<void> {
    this.#idle();
    this.disposed++;
  }

  #held(sequence: number): number[] {
    return this.cells.get(sequence) ?? [];
  }

  #idle(): void {
    if (this.#busy) throw new Error('two calls at once');
  }
}

/** A sequence that counts with the engine, up to its limit. */
export class Probe implements Sequence {
  readonly prompt: Uint32Array;
  readonly sampler = {} as TokenSampler;
  readonly observe = undefined;
  readonly group: string | undefined;
  readonly limit: number;
  readonly tokens: number[] = [];
  paused = false;
  reused: number | undefined;
  error: GolekError | undefined;
  released = 0;
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(prompt: readonly number[], limit = 5, group?: string) {
    this.prompt = Uint32Array.from(prompt);
    this.limit = limit;
    this.group = group;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  isPaused(): boolean {
    return this.paused;
  }

  onStart(reused: number): void {
    this.reused = reused;
  }

  onToken(token: number): boolean {
    this.tokens.push(token);
    return this.tokens.length < this.limit;
  }

  onError(error: GolekError): void {
    this.error = error;
  }

  onRelease(): void {
    this.released++;
    this.#end();
  }
}

export const ANYONE: Claim = { tenant: '', priority: 0, deadline: Infinity };

export const counting = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};
