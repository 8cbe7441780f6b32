import { describe, expect, it } from 'vitest';
import { policyWith } from './reliability.fixture.ts';
import { RetryBudget } from './retry-budget.ts';
import { RetryDelays } from './retry-delays.ts';

describe('RetryBudget', () => {
  const { retry } = policyWith({ retry: { budgetRatio: 0.1, budgetPerSecond: 1 } });

  it('allows a part of the requests and a few in each second, over ten seconds', () => {
    const budget = new RetryBudget();
    for (let request = 0; request < 100; request++) budget.request(5_000);
    let taken = 0;
    while (budget.take(retry, 5_000)) taken += 1;
    expect(taken).toBe(20);
    expect(budget.left(retry, 14_000)).toBe(0);
    expect(budget.left(retry, 16_000)).toBe(10);
  });

  it('is full again after a reset', () => {
    const budget = new RetryBudget();
    while (budget.take(retry, 1)) continue;
    budget.reset();
    expect(budget.left(retry, 1)).toBe(10);
  });
});

describe('RetryDelays', () => {
  it.each(['full', 'decorrelated'] as const)('grow with %s jitter, up to the longest', (jitter) => {
    const policy = policyWith({ retry: { jitter, minDelayMs: 100, maxDelayMs: 1_000 } }).retry;
    const all = Array.from({ length: 200 }, () => {
      const delays = new RetryDelays(policy);
      return Array.from({ length: 6 }, () => delays.next());
    });
    const mean = (at: number): number => all.reduce((sum, delays) => sum + (delays[at] ?? 0), 0) / all.length;
    expect(Math.max(...all.flat())).toBeLessThanOrEqual(1_000);
    expect(Math.min(...all.flat())).toBeGreaterThanOrEqual(0);
    expect(mean(0)).toBeLessThan(150);
    expect(mean(3)).toBeGreaterThan(2 * mean(0));
    expect(new Set(all.map(([first]) => first)).size).toBeGreaterThan(20);
  });
});
