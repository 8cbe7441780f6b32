import { LifecycleEvent, type Log, type PublishedEvent } from '@golek/api';
import { pause } from '../waiting/pause.ts';
import { backOffMs } from './back-off.ts';
import { EventQueue } from './event-queue.ts';

/** Joins the buses of several nodes: what NATS, or another messaging system, implements. */
export interface EventRelay {
  /** For logs. */
  readonly name: string;
  /** Hands an event of this node to the others. Rejects when it did not get there; it is tried again then. */
  publish(event: PublishedEvent, signal: AbortSignal): Promise<void>;
  /**
   * Calls back with each event of the other nodes, and may with our own, until the signal is aborted. Resolves or rejects when the subscription has ended; it is
   * made again then.
   */
  subscribe(onEvent: (event: PublishedEvent) => void, signal: AbortSignal): Promise<void>;
}

/** What a relay is attached to. */
export interface RelayEnds {
  /** Name of this node: its own events are not taken back in. */
  readonly node: string;
  readonly log: Log;
  /** Takes an event of another node; it may come several times. */
  readonly receive: (event: PublishedEvent) => void;
}

/** Events of this node that wait for a relay that cannot be reached; the oldest are dropped beyond it. */
const OUTBOX = 1024;

/** One attached relay: sends what it is given in order, receives, and outlives failures of the other side. */
export class AttachedRelay implements AsyncDisposable {
  readonly #relay: EventRelay;
  readonly #ends: RelayEnds;
  readonly #outbox = new EventQueue(OUTBOX);
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(relay: EventRelay, ends: RelayEnds) {
    this.#relay = relay;
    this.#ends = ends;
    this.#running = Promise.all([this.#send(), this.#receive()]);
  }

  /** Never waits and never fails. */
  push(event: PublishedEvent): void {
    this.#outbox.push(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outbox.close();
    this.#stopping.abort();
    await this.#running;
  }

  get #ended(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #send(): Promise<void> {
    const { signal } = this.#stopping;
    for (let next = await this.#outbox.next(); next; next = await this.#outbox.next()) {
      const { published, missed } = next;
      if (missed !== 0) {
        this.#ends.log.warn({ relay: this.#relay.name, missed }, 'events were not relayed: too many waited');
      }
      await this.#persist('an event was not relayed', () => this.#relay.publish(published, signal));
    }
  }

  async #receive(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#persist('events of other nodes are not received', () =>
        this.#relay.subscribe((event) => this.#take(event), signal),
      );
      // A subscription that ended without an error is made again, though not in a busy loop.
      await pause(backOffMs(0), signal, { ref: false });
    }
  }

  /** Repeats what fails, with growing pauses, until it succeeds or the relay is detached. */
  async #persist(what: string, step: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await step();
        return;
      } catch (err) {
        if (this.#ended) return;
        const retryMs = backOffMs(failures);
        this.#ends.log.warn({ relay: this.#relay.name, err, retryMs }, `${what}; trying again`);
        await pause(retryMs, signal, { ref: false });
      }
    }
  }

  #take(event: PublishedEvent): void {
    const { node, log, receive } = this.#ends;
    if (event.node === node || this.#ended) return;
    if (!LifecycleEvent.safeParse(event.event).success) {
      log.debug({ relay: this.#relay.name, node: event.node }, 'an event of another node is of no known kind');
      return;
    }
    receive(event);
  }
}
