/** One step that was measured, of answers or of prompts. */
export interface MeasuredStep {
  /** Sequences that got their tokens; 0 in a step of prompts. */
  readonly decodeRows: number;
  readonly promptTokens: number;
  /** Tokens that stand before them in their sequence, in the mean of all. */
  readonly position: number;
  /** Sequences that were copied with it. */
  readonly copies: number;
  readonly ms: number;
}

/**
 * The pause of those that generate, one step of answers and one of prompts, may be this many times as long as their slower steps were when the prompt came. It stays the same
 * while the prompt is evaluated: a prompt that is done soon is the least trouble, and one that takes its time makes the answers look back further, with each token more.
 */
const PAUSE_OF_ANSWERS = 2.9;
/** A step of prompts may always take this long, milliseconds: nobody sees such a pause, and the prompts of small models would take for ever. */
const LEAST_MS = 20;
/** What a step may take that can be interrupted and that nobody waits for, milliseconds: a request that comes meanwhile has to wait for it. */
const LONG_MS = 1_000;
/** A CPU comes to its full speed with about so many tokens in a step. */
const FULL_SPEED_TOKENS = 128;
/** A step that is shorter than this, milliseconds, holds nobody up. */
const SHORT_MS = 50;
const FIRST_CHUNK = 16;
const LEAST_CHUNK = 2;
/** Weights of new figures. Other programs make steps longer, never shorter: a faster one says more of what a step costs. */
const FASTER_WEIGHT = 0.5;
const SLOWER_WEIGHT = 0.1;
const COPY_WEIGHT = 0.3;
/** What looking back costs differs little from step to step, but grows: a figure that is too small makes every pause too long. */
const BACK_WEIGHT = 0.3;
/** A slower figure is taken as at most this many times slower. */
const SLOWEST = 2;
/** Weights that lead to about the slowest of 20 steps. */
const SLOWER_OF_SLOW = 0.5;
const FASTER_OF_SLOW = 0.025;
/** Slower steps are no more than this many times as slow as the usual one: beyond that, the machine is busy with other things. */
const SLOW_OF_USUAL = 1.6;
/** Steps with fewer tokens before theirs tell what a token costs by itself, the others what it costs to look back. */
const NEAR_TOKENS = 512;
/** Prompt tokens that a copy is taken to cost before one was measured. */
const FIRST_COPY_TOKENS = 64;

/**
 * How many prompt tokens one step may evaluate: it bounds how long the other sequences wait, and an abort where a step cannot be interrupted. It follows measured
 * times: of a step of answers by the number of its sequences, of one prompt token by the size of the step, of which a part is fixed, both by itself and for each token
 * before it, all of which it looks at, of one copy.
 */
export class ChunkBudget {
  readonly #batchSize: number;
  readonly #stepMs: number;
  readonly #decodeMs = new Map<number, { readonly usual: number; readonly slow: number }>();
  /** Milliseconds for each token. */
  readonly #promptMs = new BySize();
  /** Milliseconds that one prompt token takes more for each token before it. */
  readonly #backMs = new BySize();
  #copyMs: number | undefined;
  /** Growth is by doubling, so that the first large step cannot be far too large. */
  #largest = FIRST_CHUNK / 2;

  /** `stepMs`: what a step of prompts may take, milliseconds. */
  constructor({ batchSize, stepMs }: { readonly batchSize: number; readonly stepMs: number }) {
    this.#batchSize = batchSize;
    this.#stepMs = stepMs;
  }

  /** Prompt tokens, with so many before them, for a step for which nobody waits. */
  tokens(position = 0): number {
    return this.#bounded(this.#fitting(this.#stepMs, position));
  }

  /** Prompt tokens for a step that can be interrupted and that nobody waits for. */
  longTokens(position = 0): number {
    const long = Math.min(this.enough(position), this.#fitting(LONG_MS, position));
    return Math.max(this.tokens(position), this.#bounded(long));
  }

  /** How long so many sequences that generate may wait for their next tokens, milliseconds, by what their steps take now. */
  pauseMs(waiting: number): number {
    const decode = this.#decodeTimes(waiting);
    return decode ? PAUSE_OF_ANSWERS * Math.min(decode.slow, SLOW_OF_USUAL * decode.usual) : Infinity;
  }

  /** Prompt tokens for a step between two of so many sequences that generate, whose pause is to be no longer than that. */
  tokensBeside(waiting: number, pauseMs: number, position = 0): number {
    const left = pauseMs - (this.#decodeTimes(waiting)?.usual ?? 0);
    return this.#bounded(this.#fitting(Math.min(this.#stepMs, Math.max(LEAST_MS, left)), position));
  }

  /** With so many prompt tokens a step is long enough: more would be evaluated no faster for each of them. */
  enough(position = 0): number {
    return Math.max(FULL_SPEED_TOKENS, this.#fitting(SHORT_MS, position));
  }

  /** What copying one sequence costs, in prompt tokens evaluated in the same time. */
  get copyTokens(): number {
    const { promptMs } = this;
    return this.#copyMs === undefined || promptMs === undefined ? FIRST_COPY_TOKENS : this.#copyMs / promptMs;
  }

  /** Milliseconds that the evaluation of one prompt token at the beginning of a prompt takes in a large step; undefined before it is known. */
  get promptMs(): number | undefined {
    return this.#promptMs.at(this.#largest);
  }

  #bounded(tokens: number): number {
    return Math.min(this.#batchSize, 2 * this.#largest, Math.max(LEAST_CHUNK, tokens));
  }

  /** The most tokens that take no longer than that. */
  #fitting(allowedMs: number, position: number): number {
    if (this.#promptMs.isEmpty) return FIRST_CHUNK;
    for (let order = orderOf(this.#batchSize); order >= 0; order--) {
      const tokens = Math.floor(allowedMs / this.#tokenTime(2 ** order, position));
      if (tokens >= 2 ** order) return Math.min(tokens, 2 ** (order + 1) - 1);
    }
    return LEAST_CHUNK;
  }

  observe(step: MeasuredStep): void {
    const { decodeRows, promptTokens, position, copies, ms } = step;
    if (copies > 0) this.#observeCopies(copies, ms - this.#expected(step));
    else if (decodeRows > 0) this.#observeDecode(decodeRows, ms);
    // Of one token the fixed cost of a step hides what it takes.
    else if (promptTokens >= LEAST_CHUNK) this.#observePrompt(promptTokens, position, ms);
    this.#largest = Math.min(this.#batchSize, Math.max(this.#largest, promptTokens));
  }

  #observeDecode(rows: number, ms: number): void {
    const known = this.#decodeMs.get(rows);
    const usual = followed(known?.usual, ms);
    const slow = smoothed(known?.slow, ms, ms > (known?.slow ?? 0) ? SLOWER_OF_SLOW : FASTER_OF_SLOW);
    this.#decodeMs.set(rows, { usual, slow });
  }

  #observePrompt(tokens: number, position: number, ms: number): void {
    const one = Math.max(ms, 0.001) / tokens;
    const near = this.#promptMs.at(tokens);
    if (position < NEAR_TOKENS || near === undefined) {
      this.#promptMs.set(tokens, (known) => followed(known, one));
    } else {
      const back = Math.max(0, one - near) / position;
      this.#backMs.set(tokens, (known) => smoothed(known, back, BACK_WEIGHT));
    }
  }

  #observeCopies(copies: number, ms: number): void {
    if (Number.isNaN(ms)) return;
    this.#copyMs = smoothed(this.#copyMs, Math.max(0, ms) / copies, COPY_WEIGHT);
  }

  /** The time of a step without copies; NaN before it is known. */
  #expected({ decodeRows, promptTokens, position }: MeasuredStep): number {
    if (decodeRows > 0) return this.#decodeTimes(decodeRows)?.usual ?? Number.NaN;
    return this.#promptMs.isEmpty ? Number.NaN : promptTokens * this.#tokenTime(promptTokens, position);
  }

  /** For one token of a step with so many, with so many before them. */
  #tokenTime(tokens: number, position: number): number {
    return (this.#promptMs.at(tokens) ?? Infinity) + position * (this.#backMs.at(tokens) ?? 0);
  }

  /** Of the number of sequences nearest to it that was measured, never taken as more than it may be. */
  #decodeTimes(rows: number): { readonly usual: number; readonly slow: number } | undefined {
    let best: number | undefined;
    for (const known of this.#decodeMs.keys())
      if (best === undefined || Math.abs(known - rows) < Math.abs(best - rows)) best = known;
    const times = best === undefined ? undefined : this.#decodeMs.get(best);
    if (best === undefined || !times) return undefined;
    const part = Math.min(1, rows / best);
    return { usual: times.usual * part, slow: times.slow * part };
  }
}

/** A figure for each binary order of the number of tokens in a step. */
class BySize {
  readonly #figures = new Map<number, number>();

  get isEmpty(): boolean {
    return this.#figures.size === 0;
  }

  set(tokens: number, next: (known: number | undefined) => number): void {
    const order = orderOf(tokens);
    this.#figures.set(order, next(this.#figures.get(order)));
  }

  /** Of the size nearest to it that was measured. */
  at(tokens: number): number | undefined {
    const order = orderOf(tokens);
    let best: number | undefined;
    for (const known of this.#figures.keys()) {
      const distance = Math.abs(known - order) - (best === undefined ? Infinity : Math.abs(best - order));
      // Smaller steps cost more for each token: the safer figure of two.
      if (distance < 0 || (distance === 0 && known < (best ?? known))) best = known;
    }
    return best === undefined ? undefined : this.#figures.get(best);
  }
}

/** A figure after a new measurement of it with a weight. */
const smoothed = (known: number | undefined, measured: number, weight: number): number =>
  known === undefined ? measured : known + weight * (measured - known);

/** The same where longer times say less than shorter ones. */
const followed = (known: number | undefined, measured: number): number => {
  if (known === undefined) return measured;
  const weight = measured < known ? FASTER_WEIGHT : SLOWER_WEIGHT;
  return smoothed(known, Math.min(measured, SLOWEST * known), weight);
};

const orderOf = (tokens: number): number => Math.floor(Math.log2(Math.max(1, tokens)));
