import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { CONTRACT_MODEL, CONTRACT_REQUESTS } from '../fixtures/contract-model.ts';
import { IsolatedFake, isAlive } from '../fixtures/isolated-fake.ts';
import { providerContract } from '../testing/index.ts';

const made: IsolatedFake[] = [];
// Two slots, so that one that is not given back is missed.
const { answer: _, ...model } = { ...CONTRACT_MODEL, parallel: 2 };

const sum = (key: 'active' | 'pulled' | 'openSessions') => async (): Promise<number> => {
  // A child writes its numbers every 10 ms.
  await sleep(30);
  return (made.at(-1)?.children() ?? []).reduce((total, child) => total + child[key], 0);
};

await providerContract('isolatedProvider', {
  ...CONTRACT_REQUESTS,
  create: () => {
    const fake = new IsolatedFake({ model });
    made.push(fake);
    return fake.provider;
  },
  probes: { activeRuns: sum('active'), producedEvents: sum('pulled'), openSessions: sum('openSessions') },
  window: 32,
});

afterAll(() => Promise.all(made.map((fake) => fake[Symbol.asyncDispose]())));

it('leaves no process behind', () => {
  const pids = made.flatMap((fake) => fake.pids());
  expect(pids.length).toBeGreaterThan(20);
  expect(pids.filter(isAlive)).toEqual([]);
});
