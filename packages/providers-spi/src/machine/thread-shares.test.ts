import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionThreads } from '../provider.ts';
import { takesThreads, threadShares, ThreadSharing, type ThreadUser } from './thread-shares.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const limits = fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 12 });
const machines = fc
  .record({ threads: fc.integer({ min: 1, max: 64 }), more: fc.integer({ min: 0, max: 64 }) })
  .map(({ threads, more }) => ({ threads, most: threads + more }));

describe('threadShares', () => {
  it.each([
    ['two with the default of 4 cores', [3, 3], { threads: 3, most: 4 }, [2, 1]],
    ['two that were given all of 2 cores', [2, 2], { threads: 1, most: 2 }, [1, 1]],
    ['two that were given all of 4 cores', [4, 4], { threads: 3, most: 4 }, [2, 2]],
    ['more threads given than there are processors', [16, 16], { threads: 3, most: 4 }, [2, 2]],
    ['what a small one leaves goes to the others', [1, 7, 7], { threads: 7, most: 8 }, [1, 3, 3]],
    ['more engines than threads', [3, 3, 3, 3, 3], { threads: 3, most: 4 }, [1, 1, 1, 1, 1]],
    ['one alone has what it was given', [16], { threads: 3, most: 4 }, [16]],
    ['limits that leave threads over', [1, 1], { threads: 7, most: 8 }, [1, 1]],
    ['none', [], { threads: 3, most: 4 }, []],
  ])('%s', (_, most, machine, shares) => expect(threadShares(most, machine)).toEqual(shares));

  it('gives each at least one and no more than its own, together no more than the machine has where that is possible, and leaves none over', () => {
    fc.assert(
      fc.property(limits, machines, (most, machine) => {
        const shares = threadShares(most, machine);
        expect(shares).toHaveLength(most.length);
        shares.forEach((share, i) => {
          expect(share).toBeGreaterThanOrEqual(1);
          expect(share).toBeLessThanOrEqual(most[i] ?? 0);
        });
        if (most.length < 2) return;
        const total = sum(shares);
        expect(total).toBeLessThanOrEqual(Math.max(machine.most, most.length));
        const wanted = Math.max(machine.threads, Math.min(machine.most, ...[Math.max(...most)]));
        expect(total).toBe(Math.max(most.length, Math.min(wanted, sum(most))));
        // Who has less than another has all that it may have, or one less by the order.
        for (const [i, share] of shares.entries()) {
          if (share === most[i]) continue;
          expect(Math.max(...shares) - share).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

it('only tasks that evaluate count', () => {
  expect(['generate', 'embed', 'rerank', 'classify', 'tensor'].every((task) => takesThreads(task as never))).toBe(true);
  expect((['tokenize', 'detokenize', 'count'] as const).some(takesThreads)).toBe(false);
});

/** An engine that notes what it is told. */
class Engine implements SessionThreads {
  readonly most: number;
  now: number;
  changes = 0;
  runs = 0;
  /** When its last run ended. */
  ended = -Infinity;
  user: ThreadUser;

  constructor(sharing: ThreadSharing, most: number) {
    this.most = most;
    this.now = most;
    this.user = sharing.join(this);
  }

  use(count: number): void {
    expect(count).not.toBe(this.now);
    this.now = count;
    this.changes++;
  }
}

describe('ThreadSharing', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const machine = { threads: 3, most: 4 };

  it('divides at once when a second one becomes busy, and gives back a second after its last run', () => {
    const sharing = new ThreadSharing(() => machine);
    const [a, b, idle] = [3, 3, 3].map((most) => new Engine(sharing, most)) as [Engine, Engine, Engine];
    a.user.begin();
    expect([a.now, b.now]).toEqual([3, 3]);
    b.user.begin();
    expect([a.now, b.now]).toEqual([2, 1]);
    b.user.end();
    vi.advanceTimersByTime(900);
    expect([a.now, b.now]).toEqual([2, 1]);
    // A run that comes within the second starts it anew, and changes nothing.
    b.user.begin();
    vi.advanceTimersByTime(5_000);
    b.user.end();
    vi.advanceTimersByTime(999);
    expect([a.now, a.changes, b.changes]).toEqual([2, 1, 1]);
    vi.advanceTimersByTime(1);
    expect([a.now, b.now]).toEqual([3, 1]);
    // What it was told holds until it is busy again: alone, it gets all back, before it begins.
    a.user.end();
    vi.advanceTimersByTime(1_000);
    b.user.begin();
    expect(b.now).toBe(3);
    expect(idle.changes).toBe(0);
  });

  it('leaves out an engine that is gone, and the ends of its runs', () => {
    const sharing = new ThreadSharing(() => machine);
    const [a, b] = [new Engine(sharing, 3), new Engine(sharing, 3)];
    a.user.begin();
    b.user.begin();
    b.user.leave();
    expect([a.now, b.now]).toEqual([3, 1]);
    b.user.end();
    b.user.begin();
    vi.advanceTimersByTime(2_000);
    expect([a.now, b.now]).toEqual([3, 1]);
  });

  it('keeps to the shares of those that are busy, whatever comes and goes', () => {
    const step = fc.record({
      engine: fc.nat(3),
      act: fc.constantFrom('begin', 'begin', 'end', 'end', 'leave'),
      pause: fc.constantFrom(0, 1, 400, 999, 1_000, 3_000),
    });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 4 }),
        machines,
        fc.array(step),
        (most, has, steps) => {
          const sharing = new ThreadSharing(() => has);
          const engines = most.map((each) => new Engine(sharing, each));
          const gone = new Set<Engine>();
          let order: Engine[] = [];
          for (const { engine: index, act, pause } of steps) {
            const engine = engines[index] as Engine;
            if (act === 'begin') {
              engine.user.begin();
              engine.runs++;
              if (!order.includes(engine) && !gone.has(engine)) order.push(engine);
            } else if (act === 'end' && engine.runs > 0) {
              engine.user.end();
              if (--engine.runs === 0) engine.ended = performance.now();
            } else if (act === 'leave') {
              engine.user.leave();
              gone.add(engine);
            }
            vi.advanceTimersByTime(pause);
            order = order.filter(
              (each) => !gone.has(each) && (each.runs > 0 || performance.now() - each.ended < 1_000),
            );
            const shares = threadShares(
              order.map((each) => each.most),
              has,
            );
            expect(order.map(({ now }) => now)).toEqual(shares);
          }
          for (const engine of engines) engine.user.leave();
        },
      ),
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});
