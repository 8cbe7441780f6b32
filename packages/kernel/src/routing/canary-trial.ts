import type { Canary, CanaryRollback } from '@golek/api';
import { fractionOf } from './consistent-hash.ts';
import { SlidingWindow, type WindowTotals } from './sliding-window.ts';
import { shortNumber } from './strategies/strategy.ts';

export type CanarySide = 'canary' | 'stable';

/** How one side of a canary did within the window. */
export interface CanarySideStatus {
  readonly attempts: number;
  readonly errorRate: number;
  /** Mean time to the first event, milliseconds. */
  readonly firstEventMs?: number;
}

export interface CanaryStatus {
  readonly target: string;
  /** As configured. */
  readonly percent: number;
  /** In effect; 0 after a rollback. */
  readonly share: number;
  readonly rolledBack?: { readonly reason: string; readonly at: string };
  readonly canary: CanarySideStatus;
  readonly stable: CanarySideStatus;
}

const rate = ({ count, failed }: WindowTotals): number => (count === 0 ? 0 : failed / count);

const percentText = (part: number): string => `${shortNumber(part * 100)}%`;

/**
 * Why the canary must end; undefined while nothing speaks against it. Sides with too few attempts are not judged, except where the failures are too many for
 * `minRequests` whatever the rest would do: the breaker of a canary that answers nothing opens before the others come.
 */
export const judgeCanary = (
  { minRequests, maxErrorRate, maxErrorIncrease, maxLatencyRatio }: CanaryRollback,
  canary: WindowTotals,
  stable: WindowTotals,
): string | undefined => {
  const judged = canary.count >= minRequests;
  const own = canary.failed / Math.max(canary.count, minRequests);
  const other = rate(stable);
  const figures = judged
    ? `${canary.failed} of ${canary.count} attempts failed (${percentText(own)})`
    : `${canary.failed} of ${canary.count} attempts failed, at least ${percentText(own)} of ${minRequests}`;
  if (own > maxErrorRate) return `${figures}, more than ${percentText(maxErrorRate)}`;
  if (stable.count < minRequests) return undefined;
  if (maxErrorIncrease !== undefined && own - other > maxErrorIncrease) {
    return `${figures} against ${percentText(other)} of the stable side, more than ${percentText(maxErrorIncrease)} above it`;
  }
  if (!judged || maxLatencyRatio === undefined || canary.meanMs === undefined || stable.meanMs === undefined)
    return undefined;
  if (canary.meanMs <= maxLatencyRatio * stable.meanMs) return undefined;
  return `${shortNumber(canary.meanMs)} ms to the first event against ${shortNumber(stable.meanMs)} ms of the stable side, more than ${shortNumber(maxLatencyRatio)} times`;
};

/**
 * On which side a call is. Callers with a key stay where they are as long as the share does, and a growing share only moves callers from stable to
 * canary; without a key each call is drawn.
 */
export const canarySide = (route: string, share: number, key: string | undefined, random: () => number): CanarySide => {
  if (share <= 0) return 'stable';
  const place = key === undefined ? random() : fractionOf(`${route}\ncanary\n${key}`);
  return place * 100 < share ? 'canary' : 'stable';
};

/** The course of a canary: how both sides do, and whether it was ended. */
export class CanaryTrial {
  readonly canary: Canary;
  readonly #windows: Readonly<Record<CanarySide, SlidingWindow>>;
  #rolledBack: CanaryStatus['rolledBack'];

  constructor(canary: Canary) {
    const { windowMs } = canary.rollback;
    this.canary = canary;
    this.#windows = { canary: new SlidingWindow(windowMs), stable: new SlidingWindow(windowMs) };
  }

  /** Percent that the canary gets now. */
  get share(): number {
    return this.#rolledBack ? 0 : this.canary.percent;
  }

  /** Counts an attempt. @returns the reason when this one ends the canary. */
  record(model: string, failed: boolean, firstEventMs: number | undefined, now: number): string | undefined {
    const side: CanarySide = model === this.canary.target ? 'canary' : 'stable';
    this.#windows[side].add(now, failed, firstEventMs);
    if (this.#rolledBack || side === 'stable') return undefined;
    const { canary, stable } = this.#windows;
    const reason = judgeCanary(this.canary.rollback, canary.totals(now), stable.totals(now));
    if (reason !== undefined) this.#rolledBack = { reason, at: new Date().toISOString() };
    return reason;
  }

  /** Gives the canary its share again and forgets how both sides did. */
  reset(): void {
    this.#rolledBack = undefined;
    this.#windows.canary.clear();
    this.#windows.stable.clear();
  }

  status(now: number): CanaryStatus {
    const { target, percent } = this.canary;
    return {
      target,
      percent,
      share: this.share,
      ...(this.#rolledBack && { rolledBack: this.#rolledBack }),
      canary: statusOf(this.#windows.canary.totals(now)),
      stable: statusOf(this.#windows.stable.totals(now)),
    };
  }
}

const statusOf = (totals: WindowTotals): CanarySideStatus => ({
  attempts: totals.count,
  errorRate: rate(totals),
  ...(totals.meanMs !== undefined && { firstEventMs: totals.meanMs }),
});
