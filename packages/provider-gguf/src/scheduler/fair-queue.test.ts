import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairQueue, type Queued } from './fair-queue.ts';

interface Item extends Queued {
  readonly name: string;
}

const item = (tenant: string, rank = 0, rest: Partial<Item> = {}): Item => ({
  tenant,
  rank,
  work: 10,
  ticket: { size: 1 },
  name: `${tenant}${rank}`,
  ...rest,
});
const queueOf = (...items: readonly Item[]): FairQueue<Item> => {
  const queue = new FairQueue<Item>();
  for (const each of items) queue.push(each);
  return queue;
};
const drain = (queue: FairQueue<Item>): string[] => {
  const names: string[] = [];
  for (let next = queue.take(); next; next = queue.take()) names.push(next.name);
  return names;
};

describe('order', () => {
  test('is by rank within a tenant, then by arrival', () => {
    const queue = queueOf(
      item('a', 3),
      item('a', 1),
      item('a', 2, { name: 'first' }),
      item('a', 2, { name: 'second' }),
    );
    expect(queue.size).toBe(4);
    expect(drain(queue)).toEqual(['a1', 'first', 'second', 'a3']);
    expect(queue.size).toBe(0);
  });

  test('among tenants, is by the work done for them', () => {
    const queue = queueOf(item('a', 1), item('a', 2), item('b', 9));
    expect(queue.take()?.name).toBe('a1');
    queue.charge('a', 100);
    expect(queue.take()?.name).toBe('b9');
    queue.charge('b', 150);
    queue.push(item('b', 8));
    expect(queue.take()?.name).toBe('a2');
  });

  test('waiting earns nothing, and leaving clears nothing', () => {
    const queue = queueOf(item('a', 1));
    queue.take();
    queue.charge('a', 1_000);
    queue.push(item('b', 1));
    // Level with the one that has least.
    expect(queue.serviceOf('b')).toBe(1_000);
    queue.take();
    queue.charge('b', 500);
    queue.leave('b');
    expect(queue.serviceOf('b')).toBe(1_500);
    queue.charge('a', 5_000);
    expect(queue.serviceOf('b')).toBe(6_000);
    queue.leave('a');
    expect(queue.serviceOf('a')).toBe(0);
  });
});

describe('work ahead', () => {
  test('is the own that is before, and of each other tenant what it has until both had as much', () => {
    const queue = queueOf(item('a', 1), item('a', 2), item('b', 1), item('b', 1), item('b', 1));
    expect(queue.workAhead('a', 1)).toBe(10 + 10);
    expect(queue.workAhead('a', 2)).toBe(20 + 20);
    expect(queue.workAhead('c', 5)).toBe(0);
    queue.charge('c', 1);
    queue.push(item('c', 1));
    queue.charge('c', 15);
    expect(queue.workAhead('c', 1)).toBe(10 + 20 + 25);
  });
});

describe('a full queue', () => {
  test('drops the last of who has most, where that leaves it no worse off', () => {
    const queue = queueOf(item('a', 1), item('a', 2), item('a', 3), item('b', 1));
    expect(queue.displaced('b', 1).map(({ name }) => name)).toEqual(['a3']);
    expect(queue.displaced('c', 1).map(({ name }) => name)).toEqual(['a3']);
    expect(queue.displaced('c', 2)).toEqual([]);
    expect(queue.displaced('a', 1)).toEqual([]);
  });

  test('drops whole requests, and none of which some runs', () => {
    const ticket = { size: 2 };
    const running = { size: 2 };
    const queue = queueOf(
      ...[1, 2, 3, 4].map((rank) => item('a', rank)),
      item('a', 5, { ticket, name: 'x' }),
      item('a', 5, { ticket, name: 'y' }),
      item('a', 6, { ticket: running }),
    );
    expect(queue.displaced('b', 1).map(({ name }) => name)).toEqual(['x', 'y']);
    const small = queueOf(item('a', 1), item('a', 2, { ticket: running }));
    expect(small.displaced('b', 1).map(({ name }) => name)).toEqual(['a1']);
  });
});

test('whatever happens, tenants with something to do get the same work, but for one request', () => {
  const arrivals = fc.array(
    fc.record({ tenant: fc.constantFrom('a', 'b', 'c'), rank: fc.nat(20), work: fc.integer({ min: 1, max: 50 }) }),
    { minLength: 30, maxLength: 120 },
  );
  fc.assert(
    fc.property(arrivals, (all) => {
      const queue = queueOf(...all.map(({ tenant, rank, work }) => item(tenant, rank, { work })));
      const done = new Map<string, number>();
      const left = (tenant: string): boolean => queue.workAhead(tenant, Infinity) > 0;
      const taken = new Set<Item>();
      for (;;) {
        const backlogged = ['a', 'b', 'c'].filter((tenant) => all.some((each) => each.tenant === tenant));
        const next = queue.take();
        if (!next) break;
        expect(taken.has(next)).toBe(false);
        taken.add(next);
        queue.charge(next.tenant, next.work);
        done.set(next.tenant, (done.get(next.tenant) ?? 0) + next.work);
        const counts = new Map(
          backlogged.map((tenant) => [tenant, [...taken].filter((t) => t.tenant === tenant).length]),
        );
        const waiting = backlogged.filter((t) => (counts.get(t) ?? 0) < all.filter((each) => each.tenant === t).length);
        const shares = waiting.map((tenant) => done.get(tenant) ?? 0);
        if (shares.length > 1) expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(50);
        queue.leave(next.tenant);
      }
      expect(taken.size).toBe(all.length);
      expect(left('a')).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test('remembers a limited number of tenants that have gone', () => {
  const queue = queueOf(item('stays', 1), item('stays', 2));
  for (let tenant = 0; tenant < 5_000; tenant++) {
    queue.push(item(`t${tenant}`, 0));
    queue.take();
    queue.charge(`t${tenant}`, 10);
    queue.leave(`t${tenant}`);
  }
  const remembered = Array.from({ length: 5_000 }, (_, i) => queue.serviceOf(`t${i}`)).filter((work) => work > 0);
  expect(remembered.length).toBeGreaterThan(0);
  expect(remembered.length).toBeLessThanOrEqual(1_024);
});
