import type { LifecycleEvent, LifecycleEventType, Log, PublishedEvent } from '@golek/api';
import { EventHistory, type EventPosition } from './event-history.ts';
import { EventQueue, type StreamedEvent } from './event-queue.ts';
import { AttachedRelay, type EventRelay } from './event-relay.ts';
import { SeenEvents } from './seen-events.ts';

type Listener = (event: PublishedEvent) => void;

export interface EventBusOptions {
  /** Name of this node in the events; no other process may have it. */
  readonly node: string;
  readonly log: Log;
  /** Id of the first event; default 1. Ids that go on after a restart let a reader that returns see that it is another process. */
  readonly firstId?: number;
  /** Events kept for readers that return; default 1024. */
  readonly historyLimit?: number;
}

export interface EventStreamOptions {
  /** Absent: every event. */
  readonly types?: readonly LifecycleEventType[];
  /** Begin with what came after this event. Absent: with the next one. */
  readonly after?: EventPosition;
}

/** Events that may wait for one reader of a stream. */
const READER_LIMIT = 256;

/** Tells whoever listens what happens to the runtime. Listeners are called in order, at once; what they throw is logged. */
export class EventBus implements AsyncDisposable {
  readonly #node: string;
  readonly #log: Log;
  readonly #history: EventHistory;
  readonly #listeners = new Set<{ readonly types: ReadonlySet<string> | undefined; readonly listener: Listener }>();
  readonly #relays = new Set<AttachedRelay>();
  readonly #seen = new SeenEvents();
  #next: number;

  constructor({ node, log, firstId = 1, historyLimit = 1024 }: EventBusOptions) {
    this.#node = node;
    this.#log = log;
    this.#next = firstId;
    this.#history = new EventHistory(historyLimit);
  }

  /** The latest events, oldest first. */
  get recent(): readonly PublishedEvent[] {
    return this.#history.events;
  }

  publish(event: LifecycleEvent): void {
    const published: PublishedEvent = { id: this.#next++, time: new Date().toISOString(), node: this.#node, event };
    this.#tell(published);
    for (const relay of this.#relays) relay.push(published);
  }

  /** `types` absent: every event. */
  subscribe(listener: Listener, types?: readonly LifecycleEventType[]): Disposable {
    const entry = { types: types && new Set<string>(types), listener };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /**
   * Events from now on, or from `after` on, until the signal is aborted; it ends then, with the event that came last. A reader that is slower than the events loses the oldest ones and is told how
   * many.
   */
  stream(signal: AbortSignal, { types, after }: EventStreamOptions = {}): AsyncIterableIterator<StreamedEvent> {
    const past = after ? this.#history.after(after) : { events: [], missed: 0 };
    const queue = new EventQueue(READER_LIMIT, past.missed);
    for (const event of past.events) if (!types || types.includes(event.event.type)) queue.push(event);
    const subscription = this.subscribe((event) => queue.push(event), types);
    const end = (): void => {
      subscription[Symbol.dispose]();
      queue.close();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => {
        const value = await queue.next();
        return value ? { done: false, value } : { done: true, value: undefined };
      },
      return: () => {
        signal.removeEventListener('abort', end);
        end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /**
   * Joins this bus with those of other nodes until the result is disposed of: events of this node go out, those of others come in with their node's name and go to no
   * relay again. A relay that fails is tried again, with a log line; nobody waits for it.
   */
  attachRelay(relay: EventRelay): AsyncDisposable {
    const attached = new AttachedRelay(relay, {
      node: this.#node,
      log: this.#log,
      receive: (event) => {
        if (this.#seen.add(event)) this.#tell(event);
      },
    });
    this.#relays.add(attached);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#relays.delete(attached);
        await attached[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const relays = [...this.#relays];
    this.#relays.clear();
    await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()));
  }

  #tell(published: PublishedEvent): void {
    this.#history.add(published);
    for (const { types, listener } of this.#listeners) {
      if (types && !types.has(published.event.type)) continue;
      try {
        listener(published);
      } catch (err) {
        this.#log.error({ err, event: published.event.type }, 'a listener of lifecycle events failed');
      }
    }
  }
}
