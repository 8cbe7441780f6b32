import { GolekError } from '@golek/api';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TargetStats, type AttemptRecord } from '../index.ts';
import { callOf, chatOf } from '../kernel.fixture.ts';
import { SlidingWindow } from './sliding-window.ts';

const call = callOf(chatOf('m'));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const attempt = (stats: TargetStats, more: Partial<AttemptRecord> = {}): void => {
  const begun = { target: { model: 'm', provider: 'fake' }, attempt: 1, hedge: false, startedAt: performance.now() };
  stats.begin(call, begun);
  stats.end(call, { ...begun, outcome: 'answered', queuedMs: 0, firstEventMs: 100, durationMs: 200, ...more });
};
const failure = { outcome: 'failed', error: new GolekError('provider_failed', 'no') } as const;

it('averages latencies, and what comes after a pause counts more', () => {
  const stats = new TargetStats();
  attempt(stats);
  attempt(stats, { firstEventMs: 200, durationMs: 300 });
  expect(stats.of('m')).toMatchObject({ firstEventMs: 120, durationMs: 220, attempts: 2, errorRate: 0 });
  vi.advanceTimersByTime(60_000);
  attempt(stats, { firstEventMs: 20 });
  // 0.8 halved four times is kept of the old figure.
  expect(stats.of('m')?.firstEventMs).toBeCloseTo(25, 5);
});

it('does not take the load of a model for its latency', () => {
  const stats = new TargetStats();
  const begun = { target: { model: 'm', provider: 'fake' }, attempt: 1, hedge: false, startedAt: performance.now() };
  stats.begin(call, begun);
  vi.advanceTimersByTime(5000);
  stats.opened('m', { tasks: ['generate'], options: [], parallel: 4 });
  stats.end(call, { ...begun, outcome: 'answered', queuedMs: 0, firstEventMs: 5000, durationMs: 5100 });
  expect(stats.of('m')).toMatchObject({ firstEventMs: undefined, capacity: 4, attempts: 1 });
});

it('counts attempts in progress, and as errors only what speaks against the target', () => {
  const stats = new TargetStats();
  stats.begin(call, { target: { model: 'm', provider: 'fake' }, attempt: 1, hedge: false, startedAt: 0 });
  expect(stats.of('m')?.inFlight).toBe(1);
  attempt(stats, failure);
  attempt(stats, { outcome: 'failed', error: new GolekError('invalid_request', 'no') });
  attempt(stats, { outcome: 'abandoned' });
  attempt(stats, { outcome: 'refused', error: new GolekError('breaker_open', 'no') });
  attempt(stats);
  expect(stats.of('m')).toMatchObject({ inFlight: 1, attempts: 2, errorRate: 0.5 });
  vi.advanceTimersByTime(120_000);
  expect(stats.of('m')).toMatchObject({ attempts: 0, errorRate: 0 });
});

it('drops a model that is gone when its last attempt ended', () => {
  const stats = new TargetStats();
  const begun = { target: { model: 'm', provider: 'fake' }, attempt: 1, hedge: false, startedAt: 0 };
  stats.begin(call, begun);
  stats.forget('m');
  expect(stats.of('m')?.inFlight).toBe(1);
  stats.end(call, { ...begun, outcome: 'answered', queuedMs: 0, durationMs: 1 });
  expect(stats.of('m')).toBeUndefined();
  attempt(stats);
  stats.forget('m');
  expect(stats.of('m')).toBeUndefined();
});

it('a window forgets by and by', () => {
  const window = new SlidingWindow(1200);
  for (let now = 0; now < 1200; now += 100) window.add(now, now < 600, now < 300 ? 10 : undefined);
  expect(window.totals(1199)).toEqual({ count: 12, failed: 6, meanMs: 10 });
  expect(window.totals(1700)).toEqual({ count: 6, failed: 0, meanMs: undefined });
  expect(window.totals(9999)).toEqual({ count: 0, failed: 0, meanMs: undefined });
});
