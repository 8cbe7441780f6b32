/** Limits on the time of one attempt; what is absent is not limited. Milliseconds. */
export interface TimeoutPolicy {
  /** From the request to the session until its first event; the load of a model comes before it. */
  readonly firstTokenMs?: number | undefined;
  /** From one event to the next while the consumer waits for it. */
  readonly betweenTokensMs?: number | undefined;
  /**
   * From the request to the session until the answer, where its caller reads nothing of it before its end. A remote service is asked for such an answer in one piece then, and no other limit on
   * tokens holds for it; absent: it is streamed as all others are.
   */
  readonly wholeMs?: number | undefined;
  /** All that a call may spend on the target: waiting for a place, every try, the pauses between them and the whole answer. */
  readonly totalMs?: number | undefined;
}

export interface RetryPolicy {
  /** Tries on this target in all; 1: no retry. */
  readonly attempts: number;
  /** How the pauses are spread. */
  readonly jitter: 'decorrelated' | 'full';
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** A target that asks for a longer pause than this is not asked again by the same call. */
  readonly maxRetryAfterMs: number;
  /** Retries that are allowed for each request, over ten seconds … */
  readonly budgetRatio: number;
  /** … beside this many in each second. */
  readonly budgetPerSecond: number;
}

export interface BreakerPolicy {
  /** What opens it: failures in a row, a part of the calls in a time, or nothing. */
  readonly mode: 'consecutive' | 'sampling' | 'off';
  /** Failures in a row (`consecutive`). */
  readonly failures: number;
  /** Part of the calls that failed, 0 to 1 (`sampling`) … */
  readonly rate: number;
  /** … in this time … */
  readonly windowMs: number;
  /** … once so many were made in it. */
  readonly minimumCalls: number;
  /** Time until the first probe; doubles with each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export interface BulkheadPolicy {
  /** Runs on the target at once; absent: as many as come. */
  readonly maxConcurrent?: number | undefined;
  /** Runs of one tenant at once. */
  readonly maxConcurrentPerTenant?: number | undefined;
  /** Calls that may wait for a place. */
  readonly maxQueue: number;
  /** Calls of one tenant that may wait. */
  readonly maxQueuePerTenant?: number | undefined;
  /** Longest wait, milliseconds; absent: until the call's own end. */
  readonly queueTimeoutMs?: number | undefined;
}

export interface HedgePolicy {
  /** A second attempt is made when the first has given nothing for so long; absent: none. */
  readonly afterMs?: number | undefined;
  /** Also for the task `generate`, whose answers may differ and cost the most. */
  readonly generate: boolean;
}

/** How calls to one target are protected. */
export interface TargetPolicy {
  readonly timeouts: TimeoutPolicy;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  readonly bulkhead: BulkheadPolicy;
  readonly hedge: HedgePolicy;
}

export const DEFAULT_TARGET_POLICY: TargetPolicy = Object.freeze({
  timeouts: Object.freeze({}),
  retry: Object.freeze({
    attempts: 2,
    jitter: 'decorrelated',
    minDelayMs: 100,
    maxDelayMs: 2_000,
    maxRetryAfterMs: 10_000,
    budgetRatio: 0.2,
    budgetPerSecond: 10,
  }),
  breaker: Object.freeze({
    mode: 'consecutive',
    failures: 5,
    rate: 0.5,
    windowMs: 30_000,
    minimumCalls: 20,
    openMs: 10_000,
    maxOpenMs: 120_000,
  }),
  bulkhead: Object.freeze({ maxQueue: 256, queueTimeoutMs: 30_000 }),
  hedge: Object.freeze({ generate: false }),
});
