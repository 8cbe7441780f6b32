import { GolekError } from '@golek/api';
import type { BulkheadPolicy } from './target-policy.ts';

/** One step of priority is worth so long a wait, milliseconds: nobody is passed by more than `20 × AGE_MS`, so nobody starves. */
const AGE_MS = 1_000;
/** Weight of the newest run in the mean time that a place is held. */
const HELD_WEIGHT = 0.1;
const SHORTEST_WAIT_S = 1;
/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Who asks for a place. */
export interface PlaceRequest {
  readonly tenant: string;
  /** Higher is served first; -10 to 10. */
  readonly priority: number;
  /** The place is of no use after this, milliseconds of `performance.now()`. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly tenant: string;
  /** When it would have come with priority 0. Waiters keep their order while they age together, so it never changes. */
  readonly rank: number;
  admit(): void;
}

/**
 * Bounds the calls that work on a target at once, and those that wait. Waiting calls are served by priority, then in order of arrival; each second of waiting
 * counts as one step of priority. A call that cannot be served before its deadline is refused when it comes.
 */
export class Bulkhead {
  readonly #name: string;
  readonly #queue: Waiter[] = [];
  readonly #tenants = new Map<string, number>();
  #policy: BulkheadPolicy;
  #inFlight = 0;
  /** Mean time that a place is held, milliseconds. */
  #heldMs = 0;

  /** `name` stands in errors. */
  constructor(name: string, policy: BulkheadPolicy) {
    this.#name = name;
    this.#policy = policy;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Takes a place that is free. */
  tryEnter(tenant: string): boolean {
    // Whoever waits while a place is free waits for its tenant's limit, so that nobody is passed here.
    if (!this.#hasRoom(tenant)) return false;
    this.#take(tenant);
    return true;
  }

  /**
   * Waits for a place. Throws `overloaded` or `rate_limited` (the tenant's own limit) with Retry-After when the queue is full, the wait would
   * outlast the deadline, or it took longer than allowed; throws the signal's reason when that is aborted.
   */
  enter({ tenant, priority, deadline, signal }: PlaceRequest): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const now = performance.now();
    const rank = now - priority * AGE_MS;
    const at = this.#placeOf(rank);
    const waitMs = this.#expectedWait(at, tenant);
    const refusal = this.#refusal(at, tenant, waitMs, deadline - now);
    if (refusal) return Promise.reject(refusal);
    const longest = Math.min(this.#policy.queueTimeoutMs ?? Infinity, deadline - now);
    return new Promise((resolve, reject) => {
      const end = (error: Error): void => {
        const index = this.#queue.indexOf(waiter);
        if (index >= 0) this.#queue.splice(index, 1);
        finish();
        reject(error);
      };
      const onAbort = (): void => end(signal.reason as Error);
      const timer = Number.isFinite(longest)
        ? setTimeout(() => end(this.#tooLong(tenant, Math.round(longest))), Math.min(longest, LONGEST_TIMER_MS))
        : undefined;
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        tenant,
        rank,
        admit: () => {
          finish();
          resolve();
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.splice(at, 0, waiter);
    });
  }

  /** Gives a place back that was held for `heldMs` milliseconds. */
  leave(tenant: string, heldMs: number): void {
    this.#inFlight -= 1;
    const left = (this.#tenants.get(tenant) ?? 1) - 1;
    if (left === 0) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, left);
    this.#heldMs = this.#heldMs === 0 ? heldMs : this.#heldMs + HELD_WEIGHT * (heldMs - this.#heldMs);
    if (this.#queue.length > 0) this.#admitWaiting();
  }

  /** Runs in hand go on and waiting calls keep waiting when a bound gets lower. */
  configure(policy: BulkheadPolicy): void {
    this.#policy = policy;
    this.#admitWaiting();
  }

  #hasRoom(tenant: string): boolean {
    const { maxConcurrent = Infinity, maxConcurrentPerTenant = Infinity } = this.#policy;
    return this.#inFlight < maxConcurrent && (this.#tenants.get(tenant) ?? 0) < maxConcurrentPerTenant;
  }

  #take(tenant: string): void {
    this.#inFlight += 1;
    this.#tenants.set(tenant, (this.#tenants.get(tenant) ?? 0) + 1);
  }

  #admitWaiting(): void {
    for (let index = 0; index < this.#queue.length;) {
      if (this.#inFlight >= (this.#policy.maxConcurrent ?? Infinity)) return;
      const waiter = this.#queue[index] as Waiter;
      if (this.#hasRoom(waiter.tenant)) {
        this.#queue.splice(index, 1);
        this.#take(waiter.tenant);
        waiter.admit();
      } else index += 1;
    }
  }

  /** Where a waiter of this rank stands in the queue: after all that are as good. */
  #placeOf(rank: number): number {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#queue[middle] as Waiter).rank <= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Milliseconds, from the mean time that a place is held; 0 before that is known. */
  #expectedWait(at: number, tenant: string): number {
    const { maxConcurrent = Infinity, maxConcurrentPerTenant = Infinity } = this.#policy;
    const own = Number.isFinite(maxConcurrentPerTenant) ? this.#queuedOf(tenant, at) : 0;
    return this.#heldMs * Math.max((at + 1) / maxConcurrent, (own + 1) / maxConcurrentPerTenant);
  }

  #queuedOf(tenant: string, before = this.#queue.length): number {
    let count = 0;
    for (let index = 0; index < before; index++) if (this.#queue[index]?.tenant === tenant) count += 1;
    return count;
  }

  #refusal(at: number, tenant: string, waitMs: number, leftMs: number): GolekError | undefined {
    const { maxQueue, maxQueuePerTenant = Infinity } = this.#policy;
    const name = this.#name;
    if (this.#queue.length >= maxQueue) {
      return this.#refuse(
        tenant,
        waitMs,
        `model '${name}' has ${this.#inFlight} requests in hand and ${this.#queue.length} that wait; no more may wait`,
      );
    }
    if (Number.isFinite(maxQueuePerTenant) && this.#queuedOf(tenant) >= maxQueuePerTenant) {
      return new GolekError(
        'rate_limited',
        `${maxQueuePerTenant} requests of this tenant wait for model '${name}' already; no more may wait`,
        { retryAfter: seconds(waitMs) },
      );
    }
    if (leftMs <= waitMs) {
      return this.#refuse(
        tenant,
        waitMs,
        `model '${name}' could begin in about ${Math.round(waitMs)} ms, after ${at} others, which is later than the deadline of the request in ${Math.max(0, Math.round(leftMs))} ms`,
      );
    }
    return undefined;
  }

  #tooLong(tenant: string, waitedMs: number): GolekError {
    return this.#refuse(
      tenant,
      this.#heldMs,
      `the request waited ${waitedMs} ms for a place on model '${this.#name}', the longest that it may`,
    );
  }

  #refuse(tenant: string, waitMs: number, message: string): GolekError {
    const { maxConcurrent = Infinity, maxConcurrentPerTenant = Infinity } = this.#policy;
    const ownLimit = this.#inFlight < maxConcurrent && (this.#tenants.get(tenant) ?? 0) >= maxConcurrentPerTenant;
    return new GolekError(
      ownLimit ? 'rate_limited' : 'overloaded',
      ownLimit ? `${message} (${maxConcurrentPerTenant} requests of one tenant may run at once)` : message,
      { retryAfter: seconds(waitMs) },
    );
  }
}

const seconds = (ms: number): number => Math.max(SHORTEST_WAIT_S, Math.ceil(ms / 1_000));
