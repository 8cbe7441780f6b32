import { GolekError } from '@golek/api/plain';
import { RunSlots } from '../run-slots.ts';

/** Shares the connections of an upstream among the runs of all its models, in order; bounded in those that work and those that wait. */
export class ConnectionSlots {
  readonly #slots: RunSlots;
  readonly #upstream: string;
  readonly #queueLimit: number;
  #waiting = 0;

  constructor(upstream: string, connections: number, queueLimit: number) {
    this.#slots = new RunSlots(connections);
    this.#upstream = upstream;
    this.#queueLimit = queueLimit;
  }

  /** True when a connection was free; it is taken then. */
  tryTake(): boolean {
    return this.#slots.tryTake();
  }

  /** Waits for a connection. Throws `overloaded` when too many wait, and the signal's error when it is aborted first. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.#waiting >= this.#queueLimit) {
      throw new GolekError(
        'overloaded',
        `upstream '${this.#upstream}' has no free connection and ${this.#waiting} requests wait for one; raise its connections or queueLimit`,
        { details: { upstream: this.#upstream, waiting: this.#waiting } },
      );
    }
    this.#waiting++;
    try {
      await this.#slots.take(signal);
    } finally {
      this.#waiting--;
    }
  }

  give(): void {
    this.#slots.give();
  }
}
