import type { LifecycleEvent, LifecycleEventType, Log, PublishedEvent } from '@golek/api';

type Listener = (event: PublishedEvent) => void;

export interface EventBusOptions {
  /** Name of this node in the events. */
  readonly node: string;
  readonly log: Log;
}

/** Tells whoever listens what happens to the runtime. Listeners are called in order, at once; what they throw is logged. */
export class EventBus {
  readonly #node: string;
  readonly #log: Log;
  readonly #listeners = new Set<{ readonly types: ReadonlySet<string> | undefined; readonly listener: Listener }>();
  #last = 0;

  constructor({ node, log }: EventBusOptions) {
    this.#node = node;
    this.#log = log;
  }

  publish(event: LifecycleEvent): void {
    const published: PublishedEvent = { id: ++this.#last, time: new Date().toISOString(), node: this.#node, event };
    for (const { types, listener } of this.#listeners) {
      if (types && !types.has(event.type)) continue;
      try {
        listener(published);
      } catch (err) {
        this.#log.error({ err, event: event.type }, 'a listener of lifecycle events failed');
      }
    }
  }

  /** `types` absent: every event. */
  subscribe(listener: Listener, types?: readonly LifecycleEventType[]): Disposable {
    const entry = { types: types && new Set<string>(types), listener };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }
}
