import { collect, type InferenceEvent, type InferenceResult } from '@golek/api';

/** An answer on its way: iterate over its events, or ask for the whole. Nothing runs before one of both; it can be read once. */
export class Answer implements AsyncIterable<InferenceEvent> {
  readonly #events: AsyncIterable<InferenceEvent>;

  constructor(events: AsyncIterable<InferenceEvent>) {
    this.#events = events;
  }

  [Symbol.asyncIterator](): AsyncIterator<InferenceEvent> {
    return this.#events[Symbol.asyncIterator]();
  }

  /** The complete answer. Throws GolekError, also for a stream that was cut. */
  result(): Promise<InferenceResult> {
    return collect(this.#events);
  }
}
