import { GolekError } from '@golek/providers-spi';
import { FairQueue, type Queued } from './scheduler/fair-queue.ts';

/** On whose behalf work is done, and how urgently: higher is sooner, among the work of a tenant. */
export interface TurnClaim {
  readonly tenant: string;
  readonly priority: number;
}

interface Waiting extends Queued {
  readonly start: () => void;
}

/** A step of priority is worth a second of waiting, as for generation. */
const AGE_MS = 1_000;

/** Lets one piece of work be done at a time, so that tenants get equal shares of what it costs. */
export class FairTurns {
  readonly #queue = new FairQueue<Waiting>();
  #current: Promise<unknown> | undefined;
  #taken = false;

  /** Settles when what is in progress has ended. */
  get idle(): Promise<unknown> {
    return this.#current ?? Promise.resolve();
  }

  /**
   * Does the work when its turn has come. The signal ends the wait at once, for the turn as well as for the result; work in progress keeps its turn until it has ended.
   */
  async run<T>({ tenant, priority }: TurnClaim, cost: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const start = (): void => resolve(undefined);
    const rank = performance.now() - priority * AGE_MS;
    const entry: Waiting = { tenant, rank, work: cost, ticket: { size: 1 }, start };
    this.#queue.push(entry);
    this.#next();
    try {
      await abortable(promise, signal);
    } catch (error) {
      if (!this.#queue.remove(entry)) this.#end(tenant);
      throw error;
    }
    const made = work().finally(() => {
      this.#queue.charge(tenant, cost);
      this.#end(tenant);
    });
    this.#current = made.catch(() => undefined);
    return abortable(made, signal);
  }

  #next(): void {
    if (this.#taken) return;
    const entry = this.#queue.take();
    if (!entry) return;
    this.#taken = true;
    entry.start();
  }

  #end(tenant: string): void {
    this.#queue.leave(tenant);
    // A run whose piece has just ended asks for its next one first, so that it is compared with the others.
    setImmediate(() => {
      this.#taken = false;
      this.#next();
    });
  }
}

/** The result of the work, or the signal's error as soon as it is aborted. */
const abortable = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(GolekError.from(signal.reason, 'cancelled'));
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
