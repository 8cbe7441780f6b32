import { describe, expect, test } from 'vitest';
import { ChunkBudget } from './chunk-budget.ts';
import { randomOf, REAL_COSTS, type StepCosts } from './simulated-engine.fixture.ts';

interface Costs extends StepCosts {
  /** Of a prompt token, for each token before it. */
  readonly back?: number;
}

const timeOf = (
  { step, decodeRow, promptToken, back = 0 }: Costs,
  rows: number,
  tokens: number,
  position = 0,
): number => step + decodeRow * rows + (promptToken + back * (position + tokens / 2)) * tokens;

const NO_TOKENS = { decodeRows: 0, promptTokens: 0, position: 0, copies: 0 };

/** Evaluates prompts, each time after a step of so many answers; gives the time of each step of prompts. */
const drive = (budget: ChunkBudget, costs: Costs, waiting: number, steps: number, noise = () => 1): number[] =>
  Array.from({ length: steps }, () => {
    if (waiting > 0) budget.observe({ ...NO_TOKENS, decodeRows: waiting, ms: timeOf(costs, waiting, 0) * noise() });
    const promptTokens = budget.tokens(waiting);
    const ms = timeOf(costs, 0, promptTokens) * noise();
    budget.observe({ ...NO_TOKENS, promptTokens, ms });
    return ms;
  });

/** Evaluates a prompt of so many tokens, each time after a step of so many answers; gives the time of each of its steps. */
const drivePrompt = (budget: ChunkBudget, costs: Costs, waiting: number, length: number): number[] => {
  const times: number[] = [];
  for (let position = 0; position < length;) {
    budget.observe({ ...NO_TOKENS, decodeRows: waiting, ms: timeOf(costs, waiting, 0) });
    const promptTokens = Math.min(length - position, budget.tokens(waiting, position));
    const ms = timeOf(costs, 0, promptTokens, position);
    budget.observe({ ...NO_TOKENS, promptTokens, position, ms });
    times.push(ms);
    position += promptTokens;
  }
  return times;
};

const fresh = (): ChunkBudget => new ChunkBudget({ batchSize: 512, stepMs: 50 });

describe('the prompt tokens of a step', () => {
  test('come to take the target time where nobody generates, and never much more on the way', () => {
    for (const promptToken of [0.02, 0.2, 0.7, 3, 5]) {
      const budget = fresh();
      const times = drive(budget, { ...REAL_COSTS, promptToken }, 0, 60);
      expect(Math.max(...times)).toBeLessThan(100);
      if (promptToken > 0.1) expect(times.at(-1)).toBeGreaterThan(35);
      expect(times.at(-1)).toBeLessThan(60);
    }
  });

  test('take not twice what the answers take that wait for it, or what nobody sees', () => {
    for (const waiting of [1, 4, 8]) {
      const answers = timeOf(REAL_COSTS, waiting, 0);
      const times = drive(fresh(), REAL_COSTS, waiting, 200);
      expect(Math.max(...times.slice(1))).toBeLessThan(Math.max(22, 2.2 * answers));
      expect(times.at(-1)).toBeGreaterThan(answers);
    }
  });

  test('never more than the batch holds, and at least some', () => {
    const quick = fresh();
    drive(quick, { step: 0, decodeRow: 0.001, promptToken: 0.0001, copy: 0 }, 0, 40);
    expect(quick.tokens(0)).toBe(512);
    const slow = fresh();
    drive(slow, { step: 0, decodeRow: 1, promptToken: 100, copy: 0 }, 2, 40);
    expect(slow.tokens(2)).toBe(4);
  });

  test('of a long step are those that bring full speed, and fewer where these would take more than a second', () => {
    const sizes = [0.02, 0.7, 3, 20, 200].map((promptToken) => {
      const budget = fresh();
      drive(budget, { ...REAL_COSTS, step: 0, promptToken }, 0, 60);
      return { usual: budget.tokens(0), long: budget.longTokens() };
    });
    expect(sizes).toEqual([
      { usual: 512, long: 512 },
      { usual: 71, long: 128 },
      // No more than twice as many as the largest step had, which was the first one.
      { usual: 16, long: 32 },
      { usual: 4, long: 32 },
      { usual: 4, long: 5 },
    ]);
  });

  test('come near to the target at once where steps of that size were measured, whatever larger ones cost for each token', () => {
    const budget = fresh();
    const costs = { ...REAL_COSTS, step: 10 };
    drive(budget, costs, 4, 60);
    drive(budget, costs, 0, 60);
    const answers = timeOf(costs, 4, 0);
    const times = drive(budget, costs, 4, 5);
    expect(Math.max(...times)).toBeLessThan(2 * answers);
  });

  test('take some milliseconds beside answers that take less', () => {
    const tiny = { step: 0.3, decodeRow: 0.2, promptToken: 0.04, copy: 0 };
    const times = drive(fresh(), tiny, 2, 60);
    expect(times.at(-1)).toBeGreaterThan(12);
    expect(Math.max(...times)).toBeLessThan(25);
  });

  test('follow the number of answers that is nearest to what was measured', () => {
    const budget = fresh();
    drive(budget, REAL_COSTS, 4, 40);
    const four = budget.tokens(4);
    expect(budget.tokens(6)).toBe(four);
    expect(budget.tokens(2)).toBeLessThan(four);
  });

  test('become fewer the more tokens they have to look back at', () => {
    const budget = fresh();
    // At the end of the prompt, a token takes three times what the first ones take.
    const costs = { ...REAL_COSTS, back: REAL_COSTS.promptToken / 2_000 };
    const answers = timeOf(costs, 4, 0);
    const times = drivePrompt(budget, costs, 4, 4_000);
    expect(Math.max(...times.slice(1))).toBeLessThan(2.2 * answers);
    expect(Math.max(...drivePrompt(budget, costs, 4, 4_000))).toBeLessThan(2.2 * answers);
    expect(budget.tokens(4, 4_000)).toBeLessThan(budget.tokens(4) / 2);
    expect(budget.tokens(4, 4_000)).toBeGreaterThan(budget.tokens(4) / 5);
  });

  test('do not become many by other programs that make one step in ten four times as long', () => {
    const ratios = Array.from({ length: 500 }, (_, seed) => {
      const random = randomOf(seed);
      const budget = fresh();
      drive(budget, REAL_COSTS, 4, 120, () => (random() < 0.1 ? 4 : 1));
      // Had nothing disturbed the next one.
      return timeOf(REAL_COSTS, 0, budget.tokens(4)) / timeOf(REAL_COSTS, 4, 0);
    });
    expect(ratios.filter((ratio) => ratio > 2).length).toBeLessThan(25);
    expect(Math.max(...ratios)).toBeLessThan(3);
  });
});

test('a copy costs what a step with it takes longer', () => {
  const budget = fresh();
  expect(budget.copyTokens).toBe(64);
  drive(budget, REAL_COSTS, 0, 30);
  drive(budget, REAL_COSTS, 4, 30);
  const ms = timeOf(REAL_COSTS, 4, 0) + 2 * 20;
  for (let i = 0; i < 20; i++) budget.observe({ ...NO_TOKENS, decodeRows: 4, copies: 2, ms });
  expect(budget.copyTokens * (budget.promptMs ?? 0)).toBeGreaterThan(15);
  expect(budget.copyTokens * (budget.promptMs ?? 0)).toBeLessThan(25);
});
