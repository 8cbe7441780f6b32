import { collect, type InferenceEvent, type InferenceResult } from '@golek/api';

/** An answer on its way: iterate over its events, or ask for the whole. Nothing runs before one of both; it can be read once. */
export class Answer implements AsyncIterable<InferenceEvent> {
  readonly #run: (whole: boolean) => AsyncIterable<InferenceEvent>;
  #events: AsyncIterable<InferenceEvent> | undefined;

  /** `whole`: nothing of the answer is read before its end. */
  constructor(run: (whole: boolean) => AsyncIterable<InferenceEvent>) {
    this.#run = run;
  }

  [Symbol.asyncIterator](): AsyncIterator<InferenceEvent> {
    return this.#read(false)[Symbol.asyncIterator]();
  }

  /** The complete answer. Throws GolekError, also for a stream that was cut. */
  result(): Promise<InferenceResult> {
    return collect(this.#read(true));
  }

  #read(whole: boolean): AsyncIterable<InferenceEvent> {
    return (this.#events ??= this.#run(whole));
  }
}
