import { expect, test } from 'vitest';
import { bestLength, DraftLength } from './draft-length.ts';
import { StepCosts } from './step-costs.ts';

test('guesses are as many as pay: none when they cost as much as tokens and are seldom right, all when they are free', () => {
  expect(bestLength(0.3, 8, { tokenMs: 10, guessMs: 10 })).toBe(0);
  expect(bestLength(0.9, 8, { tokenMs: 10, guessMs: 0.001 })).toBe(8);
  expect(bestLength(0.5, 8, { tokenMs: 10, guessMs: 2 })).toBe(1);
});

test('a sequence whose guesses are wrong stops guessing, but tries again now and then', () => {
  const length = new DraftLength();
  const cost = { tokenMs: 10, guessMs: 3 };
  let guessed = 0;
  for (let step = 0; step < 1_000; step++) {
    const n = length.next(8, cost);
    guessed += n;
    length.observe(n, 0);
  }
  expect(guessed).toBeGreaterThan(10);
  expect(guessed).toBeLessThan(60);
});

test('a sequence whose guesses become right guesses more', () => {
  const length = new DraftLength();
  const cost = { tokenMs: 10, guessMs: 3 };
  for (let step = 0; step < 100; step++) length.observe(length.next(8, cost), 0);
  let last = 0;
  for (let step = 0; step < 1_000; step++) length.observe((last = length.next(8, cost)), last);
  expect(last).toBe(8);
});

test('costs are learned from steps with and without guesses, and one odd step does not upset them', () => {
  const costs = new StepCosts();
  expect(costs.knows(2)).toBe(false);
  costs.observe(2, 4, 50);
  expect(costs.of(2)).toBeUndefined();
  costs.observe(2, 0, 20);
  expect(costs.knows(2)).toBe(true);
  costs.observe(2, 4, 24);
  expect(costs.of(2)).toEqual({ tokenMs: 10, guessMs: 1 });
  costs.observe(2, 0, 2_000);
  expect(costs.of(2)?.tokenMs).toBeLessThan(15);
});
