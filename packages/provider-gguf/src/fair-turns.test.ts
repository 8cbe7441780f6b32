import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FairTurns } from './fair-turns.ts';
import { failure } from './tiny-model.fixture.ts';

const never = new AbortController().signal;

/** Work in pieces, as a run of several inputs does it; the log gets its name for every piece. */
const worker =
  (turns: FairTurns, log: string[]) =>
  async (name: string, pieces: number, { tenant = '', priority = 0, cost = 1 } = {}): Promise<void> => {
    for (let i = 0; i < pieces; i++) {
      await turns.run({ tenant, priority }, cost, never, async () => {
        log.push(name);
        await sleep(0);
      });
    }
  };

test('one at a time, runs of a tenant in turn', async () => {
  const turns = new FairTurns();
  let inside = 0;
  const log: string[] = [];
  const piece = async (name: string): Promise<void> => {
    expect(++inside).toBe(1);
    log.push(name);
    await sleep(1);
    inside--;
  };
  const work = async (name: string): Promise<void> => {
    for (let i = 0; i < 3; i++) await turns.run({ tenant: '', priority: 0 }, 1, never, () => piece(name));
  };
  await Promise.all([work('a'), work('b')]);
  expect(log.join('')).toBe('ababab');
});

test('tenants have equal shares of the cost, whatever each asks for', async () => {
  const turns = new FairTurns();
  const log: string[] = [];
  const work = worker(turns, log);
  await Promise.all([
    ...Array.from({ length: 6 }, () => work('a', 10, { tenant: 'one' })),
    work('b', 10, { tenant: 'two' }),
  ]);
  // The tenant with one run is done after about twice its own pieces.
  expect(log.lastIndexOf('b')).toBeLessThan(24);
  const costs: string[] = [];
  const costly = worker(turns, costs);
  await Promise.all([
    ...Array.from({ length: 2 }, () => costly('a', 10, { tenant: 'one', cost: 4 })),
    ...Array.from({ length: 2 }, () => costly('b', 40, { tenant: 'two', cost: 1 })),
  ]);
  const half = costs.slice(0, 50).filter((name) => name === 'a').length;
  expect(half).toBeGreaterThanOrEqual(8);
  expect(half).toBeLessThanOrEqual(12);
});

test('the more urgent run of a tenant comes first', async () => {
  const turns = new FairTurns();
  const log: string[] = [];
  const work = worker(turns, log);
  await Promise.all([work('-', 1), work('a', 2), work('b', 2, { priority: 5 })]);
  expect(log.join('')).toBe('-bbaa');
});

test('an abort ends a wait, and work in progress keeps its turn until it has ended', async () => {
  const turns = new FairTurns();
  const client = new AbortController();
  const claim = { tenant: '', priority: 0 };
  let ended = false;
  const slow = turns.run(claim, 1, client.signal, async () => {
    await sleep(20);
    ended = true;
  });
  const waiting = turns.run(claim, 1, client.signal, () => Promise.reject(new Error('it must not run')));
  const other = turns.run(claim, 1, never, () => Promise.resolve(ended));
  await sleep(1);
  client.abort();
  await failure(slow, 'cancelled');
  await failure(waiting, 'cancelled');
  expect(ended).toBe(false);
  expect(await other).toBe(true);
  expect(await turns.run(claim, 1, never, () => Promise.resolve('usable'))).toBe('usable');
  await failure(
    turns.run(claim, 1, AbortSignal.abort(), () => Promise.resolve()),
    'cancelled',
  );
});
