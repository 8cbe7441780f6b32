import { GolekError, ModelRoute, type Canary, type ErrorCode, type LifecycleEvent } from '@golek/api';
import type { InferenceCall } from '@golek/plugins-api';
import { describe, expect, it } from 'vitest';
import { plan, RouteTable, type AttemptRecord } from '../index.ts';
import { callOf, chatOf } from '../kernel.fixture.ts';
import { canarySide } from './canary-trial.ts';
import { registryOf, routedCall, seeded, viewOf } from './routing.fixture.ts';

const never = (): number => expect.fail('a call with a key is not drawn');

describe('the side of a caller', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `tenant-${i % 7}/user-${i}`);

  it('stays, a growing share only brings callers in, and the share is honoured', () => {
    let before = new Set<string>();
    for (const share of [0, 1, 5, 20, 50, 90, 100]) {
      const inside = new Set(keys.filter((key) => canarySide('r', share, key, never) === 'canary'));
      expect(before.difference(inside).size).toBe(0);
      expect(Math.abs((100 * inside.size) / keys.length - share)).toBeLessThan(2.5);
      before = inside;
    }
  });

  it('is drawn anew for another route', () => {
    const both = keys.filter((key) => canarySide('r', 50, key, never) === canarySide('s', 50, key, never));
    expect(Math.abs(both.length / keys.length - 0.5)).toBeLessThan(0.05);
  });

  it('is drawn for each request without a key', () => {
    const random = seeded(5);
    const inside = keys.filter(() => canarySide('r', 30, undefined, random) === 'canary').length;
    expect(Math.abs(inside / keys.length - 0.3)).toBeLessThan(0.04);
  });
});

describe('the plan of a route with a canary', () => {
  const registry = registryOf({ old: {}, new: {} }, [
    { name: 'r', targets: [{ model: 'old' }], canary: { target: 'new', percent: 20 } },
  ]);
  const of = (user: string) => plan(routedCall('r', { request: { user } }), registry, viewOf(registry));

  it('gives the canary first to its part of the users, with the stable targets behind it, and nobody else sees it', () => {
    const decisions = Array.from({ length: 1000 }, (_, i) => of(`user-${i}`));
    const inside = decisions.filter(({ targets }) => targets[0].model === 'new');
    expect(Math.abs(inside.length - 200)).toBeLessThan(60);
    expect(inside[0]).toMatchObject({
      targets: [{ model: 'new' }, { model: 'old' }],
      reasons: ["the caller is in the 20% of the canary 'new'", "'r' leads to 'old'"],
    });
    const outside = decisions.filter(({ targets }) => targets[0].model === 'old');
    expect(outside.every(({ targets }) => targets.length === 1)).toBe(true);
    expect(outside[0]?.reasons[0]).toBe('the caller is on the stable side of the canary (20%)');
  });
});

const setUp = (rollback: Partial<Canary['rollback']> = {}) => {
  const events: LifecycleEvent[] = [];
  const table = new RouteTable({ isModel: () => false, publish: (event) => events.push(event) });
  const canary = { target: 'new', percent: 50, rollback: { minRequests: 10, ...rollback } };
  const route = ModelRoute.parse({ name: 'r', targets: [{ model: 'old' }], canary });
  table.set(route);
  events.length = 0;
  const call: InferenceCall = {
    ...callOf(chatOf('r')),
    routing: { route: 'r', targets: [{ model: 'new', provider: 'fake' }], reasons: [] },
  };
  const end = (model: string, times: number, more: Partial<AttemptRecord> = {}, isLoaded = true): void => {
    for (let i = 0; i < times; i++) {
      const record: AttemptRecord = {
        target: { model, provider: 'fake' },
        attempt: 1,
        hedge: false,
        startedAt: 0,
        outcome: 'answered',
        queuedMs: 0,
        firstEventMs: 10,
        durationMs: 20,
        ...more,
      };
      table.ended(call, record, isLoaded);
    }
  };
  const fail = (model: string, times: number, code: ErrorCode = 'provider_failed'): void =>
    end(model, times, { outcome: 'failed', error: new GolekError(code, 'no') });
  return { table, route, events, end, fail };
};

describe('rollback', () => {
  it('by errors: the share is 0 from the next request on, with an event that has the numbers', () => {
    const { table, events, end, fail } = setUp({ maxErrorRate: 0.2 });
    end('new', 8);
    fail('new', 1);
    expect(table.get('r')?.canaryShare).toBe(50);
    fail('new', 1);
    expect(events).toEqual([]);
    fail('new', 1);
    const reason = '3 of 11 attempts failed (27.3%), more than 20%';
    expect(events).toEqual([{ type: 'canary.rolled-back', route: 'r', target: 'new', reason }]);
    expect(table.get('r')?.canaryShare).toBe(0);
    expect(table.canary('r')).toMatchObject({ percent: 50, share: 0, rolledBack: { reason } });
    fail('new', 5);
    expect(events).toHaveLength(1);
  });

  it('as soon as the failures are too many for a whole sample: the breaker of a dead canary opens before the sample is whole', () => {
    const { table, events, fail } = setUp({ minRequests: 20, maxErrorRate: 0.1 });
    fail('new', 2);
    expect(events).toEqual([]);
    fail('new', 1);
    expect(table.canary('r')?.rolledBack?.reason).toBe('3 of 3 attempts failed, at least 15% of 20, more than 10%');
    expect(table.get('r')?.canaryShare).toBe(0);
  });

  it('by errors against the stable side', () => {
    const { table, events, end, fail } = setUp({ maxErrorRate: 1, maxErrorIncrease: 0.1 });
    end('old', 10);
    end('new', 9);
    fail('new', 1);
    expect(events).toEqual([]);
    fail('new', 1);
    expect(table.canary('r')?.rolledBack?.reason).toBe(
      '2 of 11 attempts failed (18.2%) against 0% of the stable side, more than 10% above it',
    );
  });

  it('by latency against the stable side', () => {
    const { table, end } = setUp({ maxLatencyRatio: 2 });
    end('new', 20, { firstEventMs: 500 });
    expect(table.get('r')?.canaryShare).toBe(50);
    end('old', 10, { firstEventMs: 100 });
    end('old', 1, { firstEventMs: 60_000 }, false);
    end('new', 1, { firstEventMs: 500 });
    expect(table.canary('r')?.rolledBack?.reason).toBe(
      '500 ms to the first event against 100 ms of the stable side, more than 2 times',
    );
  });

  it('never by what is not the fault of the target', () => {
    const { table, end, fail } = setUp({ maxErrorRate: 0 });
    for (const code of ['invalid_request', 'context_length_exceeded', 'unsupported', 'cancelled'] as const)
      fail('new', 20, code);
    end('new', 20, { outcome: 'abandoned' });
    end('new', 20, { outcome: 'refused', error: new GolekError('overloaded', 'full') });
    expect(table.canary('r')).toMatchObject({ share: 50, canary: { attempts: 0 } });
  });

  it('stays through other changes of the route; a reset or another canary starts again', () => {
    const { table, route, fail } = setUp();
    fail('new', 10);
    table.set({ ...route, fallback: ['x'] });
    expect(table.get('r')?.canaryShare).toBe(0);
    table.resetCanary('r');
    expect(table.canary('r')).toMatchObject({ share: 50, canary: { attempts: 0 } });
    fail('new', 10);
    table.set({ ...route, canary: { ...route.canary!, percent: 60 } });
    expect(table.get('r')?.canaryShare).toBe(60);
  });
});

it('promotion makes the canary the target', () => {
  const { table, events } = setUp();
  table.set(table.promoted('r'));
  expect(table.get('r')?.route).toMatchObject({ targets: [{ model: 'new' }] });
  expect(table.canary('r')).toBeUndefined();
  expect(events).toEqual([
    { type: 'route.changed', route: 'r', targets: ['new'] },
    { type: 'canary.promoted', route: 'r', target: 'new' },
  ]);
  expect(() => table.promoted('r')).toThrow("route 'r' has no canary");
  expect(() => table.resetCanary('r')).toThrow("route 'r' has no canary");
});
