import { afterAll, expect, it } from 'vitest';
import { CONTRACT_MODEL, CONTRACT_REQUESTS } from '../fixtures/contract-model.ts';
import { IsolatedFake, isAlive } from '../fixtures/isolated-fake.ts';
import { providerContract, type ProviderContractSetup } from '../testing/index.ts';

const made: IsolatedFake[] = [];
const seen = new Set<number>();

const sum = (key: 'active' | 'pulled' | 'openSessions') => (): number => {
  const children = made.at(-1)?.children() ?? [];
  for (const { pid } of children) seen.add(pid);
  return children.reduce((total, child) => total + child[key], 0);
};

const setup = (): ProviderContractSetup => {
  // Two slots, so that one that is not given back is missed.
  const { answer: _, ...model } = { ...CONTRACT_MODEL, parallel: 2 };
  return {
    ...CONTRACT_REQUESTS,
    create: () => {
      const fake = new IsolatedFake({ model });
      made.push(fake);
      return fake.provider;
    },
    probes: { activeRuns: sum('active'), producedEvents: sum('pulled'), openSessions: sum('openSessions') },
    window: 32,
  };
};

await providerContract('isolatedProvider', setup());

afterAll(() => Promise.all(made.map((fake) => fake[Symbol.asyncDispose]())));

it('leaves no process behind', () => {
  expect(seen.size).toBeGreaterThan(10);
  expect([...seen].filter(isAlive)).toEqual([]);
});
