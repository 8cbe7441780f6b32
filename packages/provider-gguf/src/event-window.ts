import type { GolekError, InferenceEvent } from '@golek/providers-spi';

/**
 * Events on their way from the decode loop to one consumer. Producers look at `full` before they make more, so that a slow consumer
 * stops its own sequences and holds no more than about `size` events.
 */
export class EventWindow implements AsyncIterable<InferenceEvent> {
  readonly #size: number;
  readonly #onRoom: () => void;
  #events: InferenceEvent[] = [];
  #wasFull = false;
  #ended = false;
  #error: GolekError | undefined;
  #wake: (() => void) | undefined;

  /** `onRoom` is called when a full window has been read down to half. */
  constructor(size: number, onRoom: () => void) {
    this.#size = size;
    this.#onRoom = onRoom;
  }

  get full(): boolean {
    return this.#wasFull;
  }

  push(event: InferenceEvent): void {
    if (this.#ended) return;
    this.#events.push(event);
    if (this.#events.length >= this.#size) this.#wasFull = true;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Ends with an error, after what was pushed before it. */
  fail(error: GolekError): void {
    if (this.#ended) return;
    this.#error = error;
    this.end();
  }

  /** Ends with an error at once: what was not read is dropped. */
  abort(error: GolekError): void {
    this.#events = [];
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<InferenceEvent, void> {
    for (;;) {
      const event = this.#events.shift();
      if (event) {
        if (this.#wasFull && this.#events.length <= this.#size / 2) {
          this.#wasFull = false;
          this.#onRoom();
        }
        yield event;
      } else if (this.#ended) {
        if (this.#error) throw this.#error;
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }
}
