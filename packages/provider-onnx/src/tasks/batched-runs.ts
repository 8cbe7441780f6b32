import { GolekError, type RunContext, type SessionLoad } from '@golek/providers-spi';
import { DynamicBatcher, type BatcherOptions, type RunBatch } from '../batching/dynamic-batcher.ts';

export interface BatchedRunOptions<I> extends Omit<BatcherOptions, 'queueLimit'> {
  /** Runs that may wait. */
  readonly queueLimit: number;
  /** Inputs of one run that are in the batcher at the same time. */
  readonly window: number;
  /** Tokens of an input, or whatever its size is counted in. */
  readonly lengthOf: (input: I) => number;
}

/** Answers inputs of many runs, several at once. */
export class BatchedRuns<I, R> implements AsyncDisposable {
  readonly #options: BatchedRunOptions<I>;
  readonly #batcher: DynamicBatcher<I, R>;
  #runs = 0;

  constructor(options: BatchedRunOptions<I>, run: RunBatch<I, R>) {
    this.#options = options;
    this.#batcher = new DynamicBatcher({ ...options, queueLimit: (options.queueLimit + 1) * options.window }, run);
  }

  get load(): SessionLoad {
    const running = this.#batcher.running > 0 ? 1 : 0;
    return { running: Math.min(running, this.#runs), waiting: Math.max(0, this.#runs - running) };
  }

  /** Answers in the order of the inputs, which are asked for as there is room in the window. Throws `overloaded` when too many runs wait. */
  async *run(inputs: Iterable<I> | AsyncIterable<I>, context: RunContext): AsyncGenerator<R, void> {
    const { name, queueLimit, window, lengthOf } = this.#options;
    const { tenant = '', priority = 0 } = context;
    if (this.#runs > queueLimit)
      throw new GolekError('overloaded', `${this.#runs} runs wait for model '${name}', the most that may`, {
        details: { waiting: this.#runs, queueLimit },
      });
    this.#runs++;
    const left = new AbortController();
    const signal = AbortSignal.any([context.signal, left.signal]);
    const claim = { tenant, priority, caller: left };
    const source = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
    const answers: Promise<R>[] = [];
    try {
      for (let ended = false; ;) {
        while (!ended && answers.length < window) {
          const next = await source.next();
          if (next.done) {
            ended = true;
            break;
          }
          const answer = this.#batcher.submit(next.value, lengthOf(next.value), claim, signal);
          // Its error is thrown when its turn has come, or nobody asks any more.
          answer.catch(() => undefined);
          answers.push(answer);
        }
        const answer = answers.shift();
        if (!answer) return;
        yield await answer;
      }
    } finally {
      this.#runs--;
      if (answers.length > 0) left.abort(new GolekError('cancelled', 'the consumer stopped reading'));
      await source.return?.();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batcher[Symbol.asyncDispose]();
  }
}
