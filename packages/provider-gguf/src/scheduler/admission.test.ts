import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GolekError } from '@golek/providers-spi';
import { Admission } from './admission.ts';
import { ANYONE, counting, Probe } from './simulated-engine.fixture.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const open = (parallel: number, queueLimit: number): Admission =>
  new Admission({ parallel, queueLimit, onChange: () => undefined, now: () => performance.now() });
const probe = (length = 100, limit = 50): Probe => new Probe(counting(0, length), limit);
const refused = (work: () => unknown): GolekError => {
  try {
    work();
  } catch (error) {
    return error as GolekError;
  }
  throw new Error('nothing was thrown');
};
/** Runs one request that takes so long, as the only one. */
const measure = (admission: Admission, ms: number): void => {
  admission.submit([probe()], ANYONE);
  const entry = admission.take();
  if (!entry) throw new Error('nothing waits');
  admission.charge(entry, 100, 50);
  admission.measured(100, 50, ms);
  admission.release(entry, 50);
};

describe('a full queue', () => {
  test('refuses with what runs and waits, and when to come again', () => {
    const admission = open(1, 2);
    for (let i = 0; i < 3; i++) admission.submit([probe()], ANYONE);
    admission.take();
    const first = refused(() => admission.submit([probe()], ANYONE));
    expect(first).toMatchObject({
      code: 'overloaded',
      retryAfter: 1,
      details: { parallel: 1, waiting: 2, queueLimit: 2 },
    });
    expect(first.message).toBe('no room for 1 more: 1 of 1 sequences run, 2 of at most 2 wait');
  });

  test('tells the measured time of the work that is ahead, from 1 to 60 seconds', () => {
    for (const [ms, retryAfter] of [
      [10, 1],
      [4_000, 12],
      [3_600_000, 60],
    ] as const) {
      const admission = open(1, 2);
      measure(admission, ms);
      admission.submit([probe()], ANYONE);
      admission.take();
      for (let i = 0; i < 2; i++) admission.submit([probe()], ANYONE);
      expect(refused(() => admission.submit([probe()], ANYONE)).retryAfter).toBe(retryAfter);
    }
  });

  test('makes room for a tenant that has less of it', () => {
    const admission = open(1, 3);
    const greedy = Array.from({ length: 4 }, () => probe());
    for (const each of greedy) admission.submit([each], { ...ANYONE, tenant: 'greedy' });
    admission.take();
    const modest = probe();
    admission.submit([modest], { ...ANYONE, tenant: 'modest' });
    expect(greedy.map(({ error, released }) => [error?.code, released])).toEqual([
      [undefined, 0],
      [undefined, 0],
      [undefined, 0],
      ['overloaded', 1],
    ]);
    expect(admission.waiting).toBe(3);
    expect(admission.take()?.sequence).toBe(modest);
    refused(() => admission.submit([probe()], { ...ANYONE, tenant: 'greedy' }));
  });
});

describe('a deadline', () => {
  test('ends what waits and what runs on time, with all choices of the request', () => {
    const admission = open(1, 9);
    const [running, waiting, late] = [probe(), [probe(), probe()], probe()];
    const deadline = performance.now() + 500;
    admission.submit([running], { ...ANYONE, deadline });
    const entry = admission.take();
    admission.submit(waiting, { ...ANYONE, deadline });
    admission.submit([late], { ...ANYONE, deadline: deadline + 1_000 });
    vi.advanceTimersByTime(499);
    expect(admission.waiting).toBe(3);
    vi.advanceTimersByTime(1);
    expect(waiting.map(({ error, released }) => [error?.code, released])).toEqual([
      ['deadline_exceeded', 1],
      ['deadline_exceeded', 1],
    ]);
    // Its place is given back when the step in progress is done.
    expect(running).toMatchObject({ error: { code: 'deadline_exceeded' }, released: 0 });
    expect(entry?.cancelled).toBe(true);
    if (entry) admission.release(entry);
    expect(running.released).toBe(1);
    expect(late.error).toBeUndefined();
    expect(admission.take()?.sequence).toBe(late);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('that has passed, or that will before the request can start, is refused at once', () => {
    const admission = open(1, 9);
    const now = performance.now();
    expect(refused(() => admission.submit([probe()], { ...ANYONE, deadline: now })).code).toBe('deadline_exceeded');
    measure(admission, 2_000);
    admission.submit([probe()], { ...ANYONE, deadline: now + 100 });
    admission.take();
    const error = refused(() => admission.submit([probe()], { ...ANYONE, deadline: now + 1_500 }));
    expect(error).toMatchObject({ code: 'overloaded', retryAfter: 2 });
    expect(error.message).toContain('after its deadline in 1500 ms');
    admission.submit([probe()], { ...ANYONE, deadline: now + 2_500 });
    expect(admission.waiting).toBe(1);
  });

  test('leaves no timer behind when the request ends before', () => {
    const admission = open(2, 9);
    const deadline = performance.now() + 60_000;
    const cancel = admission.submit([probe(), probe(), probe()], { ...ANYONE, deadline });
    const [first, second] = [admission.take(), admission.take()];
    if (first) admission.release(first, 3);
    cancel();
    expect(vi.getTimerCount()).toBe(1);
    if (second) admission.release(second);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('2,000 aborted requests leave nothing behind', () => {
  const admission = open(4, 100);
  for (let i = 0; i < 2_000; i++) {
    const probes = [probe(), probe()];
    const cancel = admission.submit(probes, { ...ANYONE, tenant: `t${i % 7}`, deadline: performance.now() + 1_000 });
    const entry = i % 2 === 0 ? admission.take() : undefined;
    cancel();
    cancel();
    if (entry) admission.release(entry);
    expect(probes.map(({ released }) => released)).toEqual([1, 1]);
  }
  expect(admission.waiting).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('after it is closed, everything ends with shutting_down and nothing comes in', () => {
  const admission = open(1, 9);
  const [running, waiting] = [probe(), probe()];
  admission.submit([running, waiting], ANYONE);
  admission.take();
  admission.close();
  expect([running, waiting].map(({ error, released }) => [error?.code, released])).toEqual([
    ['shutting_down', 0],
    ['shutting_down', 1],
  ]);
  expect(refused(() => admission.submit([probe()], ANYONE)).code).toBe('shutting_down');
});
