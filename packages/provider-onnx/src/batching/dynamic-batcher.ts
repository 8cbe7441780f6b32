import { GolekError } from '@golek/providers-spi';
import { RunCosts } from './run-costs.ts';
import { WaitingItems, type Claim } from './waiting-items.ts';

export interface BatcherOptions {
  /** Registered name of the model, for messages. */
  readonly name: string;
  /** Most tokens of one batch, padding included. */
  readonly maxTokens: number;
  /** Most inputs of one batch. */
  readonly maxItems: number;
  /** Longest that an input waits for others although the engine is free, ms. It waits only while others are expected. */
  readonly maxDelayMs: number;
  /** Inputs that may wait. */
  readonly queueLimit: number;
  /** True: only inputs of the same length go together, because the graph does not know padding. */
  readonly exact: boolean;
}

/** Runs inputs together; answer i is that of input i. */
export type RunBatch<T, R> = (inputs: readonly T[], signal: AbortSignal) => Promise<readonly R[]>;

interface Item<T, R> {
  readonly input: T;
  readonly length: number;
  readonly claim: Claim;
  readonly signal: AbortSignal;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: GolekError) => void;
  /** Stops listening to the signal. */
  readonly leave: () => void;
}

interface Batch<T, R> {
  readonly items: readonly Item<T, R>[];
  /** Those that still wait for their answer. */
  readonly wanted: Set<Item<T, R>>;
  readonly abort: AbortController;
}

/** CPU time of this thread, ms. The engine works on it: unlike the time of a clock, it does not grow with what else the machine does. */
const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** With so many inputs, more would make a batch hardly cheaper for each. */
const GOOD_BATCH = 8;
/** How much the latest batch says about how many come together. */
const CROWD_WEIGHT = 0.25;

/**
 * Coalesces inputs of concurrent callers. While the engine works they gather; when it is free they start with the end of the present turn of the event loop,
 * unless a crowd has just been served and is about to come back: then up to `maxDelayMs` later, and no longer than half of what the batch will take.
 */
export class DynamicBatcher<T, R> implements AsyncDisposable {
  readonly #options: BatcherOptions;
  readonly #run: RunBatch<T, R>;
  readonly #waiting: WaitingItems<Item<T, R>>;
  readonly #costs = new RunCosts();
  #batch: Batch<T, R> | undefined;
  #work: Promise<void> | undefined;
  /** Inputs that come together, and how long the last batch took, ms. */
  #crowd = 1;
  #lastMs = 0;
  #start: { readonly at: number; readonly cancel: () => void } | undefined;
  #closed = false;

  constructor(options: BatcherOptions, run: RunBatch<T, R>) {
    this.#options = options;
    this.#run = run;
    this.#waiting = new WaitingItems(options.exact);
  }

  get running(): number {
    return this.#batch?.wanted.size ?? 0;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * The answer to one input of so many tokens. An aborted signal ends the wait at once; a batch goes on for the others, and ends when nobody wants it
   * any more. Throws `overloaded` when too many wait.
   */
  submit(input: T, length: number, claim: Claim, signal: AbortSignal): Promise<R> {
    const { name, queueLimit } = this.#options;
    return new Promise<R>((resolve, reject) => {
      if (this.#closed) return reject(closing(name));
      if (signal.aborted) return reject(GolekError.from(signal.reason, 'cancelled'));
      if (this.#waiting.size >= queueLimit)
        return reject(
          new GolekError('overloaded', `${this.#waiting.size} inputs wait for model '${name}', the most that may`, {
            details: { waiting: this.#waiting.size, queueLimit },
          }),
        );
      const item: Item<T, R> = {
        input,
        length: Math.max(1, length),
        claim,
        signal,
        resolve,
        reject,
        leave: () => signal.removeEventListener('abort', abort),
      };
      const abort = (): void => this.#abort(item);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(item);
      this.#schedule();
    });
  }

  #abort(item: Item<T, R>): void {
    item.reject(GolekError.from(item.signal.reason, 'cancelled'));
    if (this.#waiting.remove(item)) return;
    const batch = this.#batch;
    if (batch?.wanted.delete(item) && batch.wanted.size === 0) batch.abort.abort(item.signal.reason);
  }

  /** Plans the next batch, or plans it anew as there is one input more. */
  #schedule(): void {
    if (this.#batch || this.#closed || this.#waiting.size === 0) return;
    const now = performance.now();
    const patience = this.#patience();
    if (this.#start && (patience > 0 || this.#start.at <= now)) return;
    this.#start?.cancel();
    const begin = (): void => {
      this.#start = undefined;
      this.#begin();
    };
    if (patience > 0) {
      const timer = setTimeout(begin, patience);
      this.#start = { at: now + patience, cancel: () => clearTimeout(timer) };
    } else {
      const turn = setImmediate(begin);
      this.#start = { at: now, cancel: () => clearImmediate(turn) };
    }
  }

  /** How long to wait for more inputs, ms. */
  #patience(): number {
    const { maxDelayMs } = this.#options;
    const gathered = this.#waiting.size;
    if (maxDelayMs === 0 || gathered >= Math.min(GOOD_BATCH, this.#crowd / 2)) return 0;
    const patience = Math.min(maxDelayMs, this.#lastMs / 2);
    // Timers know whole milliseconds only.
    return patience >= 1 ? patience : 0;
  }

  #begin(): void {
    if (this.#batch || this.#closed) return;
    const { maxTokens, maxItems } = this.#options;
    const gathered = this.#waiting.size;
    const items = this.#waiting.take({ maxTokens, maxItems, paddingTokens: this.#costs.overheadTokens });
    if (items.length === 0) return;
    this.#crowd += CROWD_WEIGHT * (gathered - this.#crowd);
    const batch: Batch<T, R> = { items, wanted: new Set(items), abort: new AbortController() };
    this.#batch = batch;
    this.#work = this.#serve(batch);
  }

  async #serve(batch: Batch<T, R>): Promise<void> {
    const { items } = batch;
    const [began, used] = [performance.now(), threadMs()];
    try {
      const answers = await this.#run(
        items.map(({ input }) => input),
        batch.abort.signal,
      );
      this.#lastMs = performance.now() - began;
      this.#costs.observe(items.length * Math.max(...items.map(({ length }) => length)), threadMs() - used);
      for (const [index, item] of items.entries()) this.#settle(batch, item, answers[index]);
    } catch (error) {
      if (items.length > 1 && !this.#closed) await this.#serveEach(batch);
      for (const item of items) this.#settle(batch, item, undefined, error);
    }
    this.#batch = undefined;
    this.#schedule();
  }

  /** After a batch that failed each of its inputs is run by itself: what is wrong with one is no matter of the others. */
  async #serveEach(batch: Batch<T, R>): Promise<void> {
    for (const item of batch.items) {
      if (!batch.wanted.has(item)) continue;
      try {
        const [answer] = await this.#run([item.input], AbortSignal.any([batch.abort.signal, item.signal]));
        this.#settle(batch, item, answer);
      } catch (error) {
        this.#settle(batch, item, undefined, error);
      }
    }
  }

  #settle(batch: Batch<T, R>, item: Item<T, R>, answer: R | undefined, failure?: unknown): void {
    item.leave();
    if (!batch.wanted.delete(item)) return;
    if (answer !== undefined) item.resolve(answer);
    else if (this.#closed) item.reject(closing(this.#options.name));
    else
      item.reject(GolekError.from(failure ?? new Error('the engine gave no answer for an input'), 'provider_failed'));
  }

  /** Rejects what waits and what runs with `shutting_down`; settles when the engine has let go. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#start?.cancel();
    this.#start = undefined;
    for (const item of this.#waiting.clear()) {
      item.leave();
      item.reject(closing(this.#options.name));
    }
    this.#batch?.abort.abort(closing(this.#options.name));
    await this.#work;
  }
}

const closing = (name: string): GolekError => new GolekError('shutting_down', `model '${name}' is being unloaded`);
