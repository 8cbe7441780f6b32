import { GolekError } from '@golek/api';
import type { RoutingTarget } from '@golek/plugins-api';
import { Bulkhead } from './bulkhead.ts';
import { CircuitBreaker, type BreakerChange, type BreakerState } from './circuit-breaker.ts';
import { RetryBudget } from './retry-budget.ts';
import type { TargetPolicy } from './target-policy.ts';

/** How a target stands, as plain data. */
export interface GuardState {
  readonly model: string;
  readonly provider: string;
  readonly breaker: {
    readonly state: BreakerState;
    /** Failures in a row. */
    readonly failures: number;
    /** Time until a probe may pass, milliseconds; while it is open. */
    readonly retryAfterMs?: number;
    /** The last failure that was counted. */
    readonly lastError?: { readonly code: string; readonly message: string };
  };
  readonly inFlight: number;
  readonly queued: number;
  /** Retries that the budget has left. */
  readonly retriesLeft: number;
  readonly policy: TargetPolicy;
}

/** What stands between the calls and one target: its breaker, its places and its retry budget, under one policy. */
export class TargetGuard {
  readonly target: RoutingTarget;
  readonly breaker: CircuitBreaker;
  readonly bulkhead: Bulkhead;
  readonly budget = new RetryBudget();
  #policy: TargetPolicy;
  /** When a call last came, milliseconds of `performance.now()`. */
  lastUsed = 0;

  constructor(target: RoutingTarget, policy: TargetPolicy, onChange: (change: BreakerChange) => void) {
    this.target = target;
    this.#policy = policy;
    this.breaker = new CircuitBreaker(policy.breaker, onChange);
    this.bulkhead = new Bulkhead(target.model, policy.bulkhead);
  }

  get policy(): TargetPolicy {
    return this.#policy;
  }

  /** Nothing runs or waits, and nothing is remembered that would be missed. */
  get idle(): boolean {
    return this.bulkhead.inFlight === 0 && this.bulkhead.queued === 0 && this.breaker.state === 'closed';
  }

  configure(policy: TargetPolicy): void {
    this.#policy = policy;
    this.breaker.configure(policy.breaker);
    this.bulkhead.configure(policy.bulkhead);
  }

  /** Why the breaker lets nothing through now, for people. */
  blocked(now: number): string | undefined {
    const waitMs = this.breaker.remainingMs(now);
    return waitMs === 0 ? undefined : `its breaker is ${this.breaker.state} for another ${Math.ceil(waitMs / 1_000)} s`;
  }

  breakerOpen(now: number): GolekError {
    const { breaker, target } = this;
    const retryAfter = Math.max(1, Math.ceil(breaker.remainingMs(now) / 1_000));
    const { lastError } = breaker;
    return new GolekError(
      'breaker_open',
      `model '${target.model}' failed too often${lastError ? ` (last: ${lastError.code})` : ''} and is spared for another ${retryAfter} s`,
      { retryAfter, details: { model: target.model, ...(lastError && { lastError: lastError.code }) } },
    );
  }

  reset(): void {
    this.breaker.reset();
    this.budget.reset();
  }

  state(now: number): GuardState {
    const { breaker, bulkhead, budget, policy, target } = this;
    const retryAfterMs = Math.round(breaker.remainingMs(now));
    return {
      model: target.model,
      provider: target.provider,
      breaker: {
        state: breaker.state,
        failures: breaker.failures,
        ...(breaker.state !== 'closed' && { retryAfterMs }),
        ...(breaker.lastError && { lastError: { code: breaker.lastError.code, message: breaker.lastError.message } }),
      },
      inFlight: bulkhead.inFlight,
      queued: bulkhead.queued,
      retriesLeft: budget.left(policy.retry, now),
      policy,
    };
  }
}
