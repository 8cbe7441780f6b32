import { expect, test } from 'vitest';
import { PrefillBudget } from './prefill-budget.ts';

const settled = (budget: PrefillBudget, msPerRow: number): number => {
  for (let i = 0; i < 40; i++) budget.observe(budget.rows, budget.rows * msPerRow);
  return budget.rows;
};

test('the rows of a step come to take the target time', () => {
  expect(settled(new PrefillBudget(512, 50), 0.5)).toBeGreaterThan(90);
  expect(settled(new PrefillBudget(512, 50), 0.5)).toBeLessThanOrEqual(100);
});

test('never more than the batch holds, never fewer than are worth a step', () => {
  expect(settled(new PrefillBudget(512, 50), 0.001)).toBe(512);
  expect(settled(new PrefillBudget(512, 50), 100)).toBe(16);
  expect(new PrefillBudget(32, 50).rows).toBe(32);
});

test('a short last piece of a prompt changes nothing', () => {
  const budget = new PrefillBudget(512, 50);
  budget.observe(3, 1000);
  expect(budget.rows).toBe(64);
});
