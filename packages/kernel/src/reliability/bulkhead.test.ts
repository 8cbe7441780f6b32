import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Bulkhead, type PlaceRequest } from './bulkhead.ts';
import { policyWith } from './reliability.fixture.ts';
import type { BulkheadPolicy } from './target-policy.ts';

const bulkheadWith = (policy: Partial<BulkheadPolicy>): Bulkhead =>
  new Bulkhead('m', policyWith({ bulkhead: policy }).bulkhead);

const request = (some: Partial<PlaceRequest> = {}): PlaceRequest => ({
  tenant: 't',
  priority: 0,
  deadline: Infinity,
  signal: new AbortController().signal,
  ...some,
});

describe('Bulkhead', () => {
  it('serves waiting calls by priority, then in order of arrival', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 1 });
    expect(bulkhead.tryEnter('t')).toBe(true);
    const order: string[] = [];
    const waiting = [
      ['first', 0],
      ['second', 0],
      ['low', -5],
      ['high', 5],
    ] as const;
    const entered = waiting.map(([name, priority]) =>
      bulkhead.enter(request({ priority })).then(() => {
        order.push(name);
        bulkhead.leave('t', 1);
      }),
    );
    expect(bulkhead).toMatchObject({ inFlight: 1, queued: 4 });
    bulkhead.leave('t', 1);
    await Promise.all(entered);
    expect(order).toEqual(['high', 'first', 'second', 'low']);
    expect(bulkhead).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('lets waiting count for priority, so that a call of low priority is served in the end', async () => {
    vi.useFakeTimers();
    try {
      const bulkhead = bulkheadWith({ maxConcurrent: 1, queueTimeoutMs: undefined });
      bulkhead.tryEnter('t');
      let served = 0;
      const low = bulkhead.enter(request({ priority: -10 })).then(() => served);
      // A call of high priority comes each time that a place gets free.
      for (let second = 0; second < 40; second++) {
        void bulkhead.enter(request({ priority: 10 })).then(() => (served += 1));
        await vi.advanceTimersByTimeAsync(1_000);
        bulkhead.leave('t', 1_000);
        await vi.advanceTimersByTimeAsync(0);
      }
      expect(await low).toBeLessThanOrEqual(21);
    } finally {
      vi.useRealTimers();
    }
  });

  it('refuses at once when the queue is full, with Retry-After by the time that places are held', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 1, maxQueue: 1 });
    bulkhead.tryEnter('t');
    bulkhead.leave('t', 4_000);
    bulkhead.tryEnter('t');
    const waits = bulkhead.enter(request());
    await expect(bulkhead.enter(request())).rejects.toMatchObject({
      code: 'overloaded',
      retryAfter: 8,
      message: "model 'm' has 1 requests in hand and 1 that wait; no more may wait",
    });
    bulkhead.leave('t', 4_000);
    await waits;
  });

  it('refuses at once a call whose deadline will have passed before its turn', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 1 });
    bulkhead.tryEnter('t');
    bulkhead.leave('t', 5_000);
    bulkhead.tryEnter('t');
    await expect(bulkhead.enter(request({ deadline: performance.now() + 1_000 }))).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('later than the deadline'),
    });
    const patient = bulkhead.enter(request({ deadline: performance.now() + 60_000 }));
    bulkhead.leave('t', 5_000);
    await patient;
  });

  it('keeps a tenant to its share while others pass, and says that it is the tenant', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 4, maxConcurrentPerTenant: 1, maxQueuePerTenant: 1 });
    expect(bulkhead.tryEnter('a')).toBe(true);
    expect(bulkhead.tryEnter('a')).toBe(false);
    const second = bulkhead.enter(request({ tenant: 'a' }));
    expect(bulkhead.tryEnter('b')).toBe(true);
    await expect(bulkhead.enter(request({ tenant: 'a' }))).rejects.toMatchObject({
      code: 'rate_limited',
      retryAfter: 1,
    });
    bulkhead.leave('b', 1);
    expect(bulkhead.queued).toBe(1);
    bulkhead.leave('a', 1);
    await second;
  });

  it('lets a call go that is aborted or waits too long, and keeps its place for others', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 1, queueTimeoutMs: 20 });
    bulkhead.tryEnter('t');
    const client = new AbortController();
    const left = bulkhead.enter(request({ signal: client.signal }));
    client.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await expect(bulkhead.enter(request())).rejects.toMatchObject({ code: 'overloaded', message: /waited 20 ms/ });
    expect(bulkhead.queued).toBe(0);
    bulkhead.leave('t', 1);
    expect(bulkhead.tryEnter('t')).toBe(true);
  });

  it('admits waiting calls when a bound is raised, and none above one that is lowered', async () => {
    const bulkhead = bulkheadWith({ maxConcurrent: 1 });
    bulkhead.tryEnter('t');
    const waiting = [bulkhead.enter(request()), bulkhead.enter(request())];
    bulkhead.configure(policyWith({ bulkhead: { maxConcurrent: 3 } }).bulkhead);
    await Promise.all(waiting);
    bulkhead.configure(policyWith({ bulkhead: { maxConcurrent: 2 } }).bulkhead);
    bulkhead.leave('t', 1);
    expect(bulkhead.tryEnter('t')).toBe(false);
    bulkhead.leave('t', 1);
    expect(bulkhead.tryEnter('t')).toBe(true);
  });

  it('never exceeds its bounds and loses no place, whatever comes and goes', async () => {
    const [MAX, PER_TENANT] = [4, 2];
    const bulkhead = bulkheadWith({
      maxConcurrent: MAX,
      maxConcurrentPerTenant: PER_TENANT,
      maxQueue: 40,
      queueTimeoutMs: 15,
    });
    const working = new Map<string, number>();
    // A fixed seed: a failure can be repeated.
    let seed = 42;
    const random = (below: number): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) % below;
    const outcomes = { served: 0, refused: 0, left: 0 };
    const call = async (): Promise<void> => {
      const tenant = `tenant-${random(5)}`;
      const client = new AbortController();
      if (random(4) === 0) setTimeout(() => client.abort(new Error('left')), random(8)).unref();
      const deadline = random(3) === 0 ? performance.now() + random(10) : Infinity;
      try {
        const { signal } = client;
        if (!bulkhead.tryEnter(tenant)) {
          await bulkhead.enter(request({ tenant, priority: random(21) - 10, deadline, signal }));
        }
      } catch (thrown) {
        outcomes[(thrown as Error).message === 'left' ? 'left' : 'refused'] += 1;
        return;
      }
      const own = (working.get(tenant) ?? 0) + 1;
      working.set(tenant, own);
      expect(own).toBeLessThanOrEqual(PER_TENANT);
      expect([...working.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(MAX);
      const heldMs = random(3);
      await sleep(heldMs);
      working.set(tenant, (working.get(tenant) ?? 0) - 1);
      bulkhead.leave(tenant, heldMs);
      outcomes.served += 1;
    };
    for (let wave = 0; wave < 40; wave++) {
      await Promise.all([...Array.from({ length: random(30) }, call), sleep(1)]);
    }
    expect(bulkhead).toMatchObject({ inFlight: 0, queued: 0 });
    for (const outcome of Object.values(outcomes)) expect(outcome).toBeGreaterThan(0);
    for (let place = 0; place < MAX; place++) expect(bulkhead.tryEnter(`t${place}`)).toBe(true);
    expect(bulkhead.tryEnter('one more')).toBe(false);
  });
});
