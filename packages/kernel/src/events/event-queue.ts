import type { PublishedEvent } from '@golek/api';
import type { Missed } from './event-history.ts';

/** An event as a stream gives it. */
export interface StreamedEvent {
  readonly published: PublishedEvent;
  /** Events that were left out directly before this one, because the reader was too slow or away for too long. */
  readonly missed: Missed;
}

/** Holds events for one reader. When it is full, the oldest are dropped and counted. */
export class EventQueue {
  readonly #limit: number;
  readonly #events: PublishedEvent[] = [];
  #missed: Missed;
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(limit: number, missed: Missed = 0) {
    this.#limit = limit;
    this.#missed = missed;
  }

  push(event: PublishedEvent): void {
    if (this.#closed) return;
    if (this.#events.length === this.#limit) {
      this.#events.shift();
      if (this.#missed !== 'unknown') this.#missed += 1;
    }
    this.#events.push(event);
    this.#wake();
  }

  /** The next event, as soon as there is one; undefined when the queue is closed and empty. */
  async next(): Promise<StreamedEvent | undefined> {
    for (;;) {
      const published = this.#events.shift();
      if (published) {
        const missed = this.#missed;
        this.#missed = 0;
        return { published, missed };
      }
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }

  /** Takes no more events; those that it holds can still be had. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
