import { CountWindow } from './count-window.ts';
import type { RetryPolicy } from './target-policy.ts';

const WINDOW_MS = 10_000;
const REQUESTS = 0;
const RETRIES = 1;

/**
 * Keeps retries and hedges a bounded part of the requests to a target, so that a target in trouble is not asked more the worse it gets. Over ten seconds: at
 * most `budgetRatio` for each request and `budgetPerSecond` for each second.
 */
export class RetryBudget {
  readonly #counts = new CountWindow(WINDOW_MS);

  request(now: number): void {
    this.#counts.add(REQUESTS, now);
  }

  /** Retries that are left. */
  left({ budgetRatio, budgetPerSecond }: RetryPolicy, now: number): number {
    const allowed = budgetRatio * this.#counts.sum(REQUESTS, now) + (budgetPerSecond * WINDOW_MS) / 1_000;
    return Math.max(0, Math.floor(allowed - this.#counts.sum(RETRIES, now)));
  }

  /** Takes one; false when none is left. */
  take(policy: RetryPolicy, now: number): boolean {
    if (this.left(policy, now) < 1) return false;
    this.#counts.add(RETRIES, now);
    return true;
  }

  reset(): void {
    this.#counts.clear();
  }
}
