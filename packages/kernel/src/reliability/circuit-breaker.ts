import type { GolekError } from '@golek/api';
import { ConsecutiveBreaker } from 'cockatiel';
import { CountWindow } from './count-window.ts';
import { countsInBreaker } from './target-fault.ts';
import type { BreakerPolicy } from './target-policy.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** A change of a breaker's state, as its owner is told of it. */
export type BreakerChange =
  | { readonly type: 'opened'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly type: 'half-opened' }
  | { readonly type: 'closed'; readonly reason: 'recovered' | 'reset' };

/** The permit of a call that was not let through. */
export const NOT_ADMITTED = -1;

const SUCCESSES = 0;
const FAILURES = 1;
const SHORTEST_WAIT_MS = 1_000;

/**
 * Spares a target that fails. Closed: everything passes and results are counted. Open: nothing passes. After the open time one call at a time passes as a probe:
 * its first event closes the breaker, its failure opens it for twice the time. A result that belongs to an earlier state changes nothing.
 */
export class CircuitBreaker {
  readonly #onChange: (change: BreakerChange) => void;
  #policy: BreakerPolicy;
  #state: BreakerState = 'closed';
  /** Rises when results of calls that were admitted before say nothing any more. */
  #era = 0;
  #probing = false;
  #consecutive: ConsecutiveBreaker;
  #window: CountWindow;
  #openedAt = 0;
  #openMs = 0;
  #lastError: GolekError | undefined;

  constructor(policy: BreakerPolicy, onChange: (change: BreakerChange) => void = () => undefined) {
    this.#policy = policy;
    this.#onChange = onChange;
    this.#consecutive = new ConsecutiveBreaker(policy.failures);
    this.#window = new CountWindow(policy.windowMs);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** The last failure that was counted. */
  get lastError(): GolekError | undefined {
    return this.#lastError;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#consecutive.state;
  }

  /** Time until a probe may pass, milliseconds; 0 when a call would be admitted now. */
  remainingMs(now: number): number {
    if (this.#state === 'closed' || this.#policy.mode === 'off') return 0;
    if (this.#state === 'open') return Math.max(0, this.#openedAt + this.#openMs - now);
    return this.#probing ? SHORTEST_WAIT_MS : 0;
  }

  /** A permit, to be handed back with the result; `NOT_ADMITTED` when the call must not go to the target. */
  admit(now: number): number {
    if (this.#state === 'closed' || this.#policy.mode === 'off') return this.#era;
    if (this.remainingMs(now) > 0) return NOT_ADMITTED;
    if (this.#state === 'open') {
      this.#state = 'half-open';
      this.#era += 1;
      this.#onChange({ type: 'half-opened' });
    }
    this.#probing = true;
    return this.#era;
  }

  /** The call got its first event. */
  answered(permit: number): void {
    if (this.#state === 'half-open' && permit === this.#era) this.#close('recovered');
  }

  /** The call's stream ended well. */
  succeeded(permit: number, now: number): void {
    if (permit !== this.#era || this.#state === 'open') return;
    if (this.#state === 'half-open') this.#close('recovered');
    this.#openMs = 0;
    this.#consecutive.success();
    this.#window.add(SUCCESSES, now);
  }

  /** The call failed, before or after its first event. */
  failed(permit: number, error: GolekError, now: number): void {
    if (permit !== this.#era || this.#state === 'open') return;
    if (!countsInBreaker(error)) return this.released(permit);
    this.#lastError = error;
    const row = this.#consecutive.failure();
    this.#window.add(FAILURES, now);
    if (this.#state === 'half-open') this.#open(`the probe failed with ${error.code}`, now);
    else if (this.#policy.mode === 'consecutive' && row)
      this.#open(`${this.#consecutive.state} failures in a row, the last one ${error.code}`, now);
    else if (this.#policy.mode === 'sampling') this.#judgeRate(now);
  }

  /** The call ended without saying anything about the target. */
  released(permit: number): void {
    if (permit === this.#era) this.#probing = false;
  }

  /** Closes it and forgets what was counted. */
  reset(): void {
    this.#consecutive.success();
    this.#window.clear();
    this.#openMs = 0;
    this.#lastError = undefined;
    if (this.#state === 'closed') return;
    this.#era += 1;
    this.#close('reset');
  }

  /** Goes on under another policy; state and counts stay where they still mean the same. */
  configure(policy: BreakerPolicy): void {
    const { failures, windowMs } = this.#policy;
    this.#policy = policy;
    if (policy.failures !== failures) {
      const { state } = this.#consecutive;
      this.#consecutive = new ConsecutiveBreaker(policy.failures);
      this.#consecutive.state = state;
    }
    if (policy.windowMs !== windowMs) this.#window = new CountWindow(policy.windowMs);
    if (policy.mode === 'off' && this.#state !== 'closed') this.reset();
  }

  #judgeRate(now: number): void {
    const { rate, minimumCalls, windowMs } = this.#policy;
    const failed = this.#window.sum(FAILURES, now);
    const calls = failed + this.#window.sum(SUCCESSES, now);
    if (calls < minimumCalls || failed < rate * calls) return;
    this.#open(`${failed} of ${calls} calls in ${windowMs / 1_000} s failed`, now);
  }

  #open(reason: string, now: number): void {
    const { openMs, maxOpenMs } = this.#policy;
    this.#openMs = this.#openMs === 0 ? openMs : Math.min(maxOpenMs, this.#openMs * 2);
    this.#openedAt = now;
    this.#state = 'open';
    this.#era += 1;
    this.#probing = false;
    this.#onChange({ type: 'opened', reason, retryAfterMs: this.#openMs });
  }

  #close(reason: 'recovered' | 'reset'): void {
    this.#state = 'closed';
    this.#probing = false;
    this.#consecutive.success();
    this.#window.clear();
    this.#onChange({ type: 'closed', reason });
  }
}
