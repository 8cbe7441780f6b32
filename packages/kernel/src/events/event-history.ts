import type { PublishedEvent } from '@golek/api';

/** Names an event: ids rise within a node. */
export interface EventPosition {
  readonly node: string;
  readonly id: number;
}

/** What a reader has not seen: how many events, or that it cannot be told. */
export type Missed = number | 'unknown';

/** The latest events, oldest first, so that a reader that was away can go on. */
export class EventHistory {
  readonly #limit: number;
  readonly #events: PublishedEvent[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(event: PublishedEvent): void {
    if (this.#events.length === this.#limit) this.#events.shift();
    this.#events.push(event);
  }

  get events(): readonly PublishedEvent[] {
    return this.#events;
  }

  /** What came after a position. When the position is not kept any more: everything that is. */
  after({ node, id }: EventPosition): { readonly events: readonly PublishedEvent[]; readonly missed: Missed } {
    const at = this.#events.findLastIndex((event) => event.node === node && event.id === id);
    return at < 0
      ? { events: this.#events.slice(), missed: 'unknown' }
      : { events: this.#events.slice(at + 1), missed: 0 };
  }
}
