import type { Sequence } from './scheduler.ts';

/** What a generated token costs beside a prompt token: on a CPU, of eight sequences that generate together, about this much. */
const GENERATED = 4;
/** Tokens that an answer is taken to have before any was measured. */
const FIRST_ANSWER = 128;
const ANSWER_WEIGHT = 0.1;
/** What was measured this long ago, milliseconds of work, counts for less than half. */
const HALF_LIFE_MS = 10_000;
const [LEAST_S, MOST_S] = [1, 60];

/** Work in units of one prompt token. */
export const workOf = (promptTokens: number, generatedTokens: number): number =>
  promptTokens + GENERATED * generatedTokens;

/** How fast the engine works, and how long what waits will take. */
export class Throughput {
  #work = 0;
  #ms = 0;
  #answer: number | undefined;

  /** Work was done in so many milliseconds in which there was something to do. */
  observe(work: number, ms: number): void {
    const kept = 0.5 ** (ms / HALF_LIFE_MS);
    this.#work = this.#work * kept + work;
    this.#ms = this.#ms * kept + ms;
  }

  /** An answer has come to its own end. */
  answered(tokens: number): void {
    this.#answer = this.#answer === undefined ? tokens : this.#answer + ANSWER_WEIGHT * (tokens - this.#answer);
  }

  /** What a sequence is expected to cost. */
  expected({ prompt, limit }: Pick<Sequence, 'prompt' | 'limit'>): number {
    return workOf(prompt.length, Math.min(limit, this.#answer ?? FIRST_ANSWER));
  }

  /** How long so much work takes, milliseconds; undefined before anything was measured. */
  milliseconds(work: number): number | undefined {
    return this.#answer === undefined || this.#work === 0 ? undefined : (work * this.#ms) / this.#work;
  }
}

/** A time to wait, as Retry-After says it. */
export const retryAfterOf = (ms: number | undefined): number =>
  Math.min(MOST_S, Math.max(LEAST_S, Math.ceil((ms ?? 0) / 1_000)));
