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

/** Of a step, by what the answers take now. */
const tokens = (budget: ChunkBudget, waiting: number, position = 0, pauseMs = budget.pauseMs(waiting)): number =>
  waiting === 0 ? budget.tokens(position) : budget.tokensBeside(waiting, pauseMs, position);

/** Evaluates prompts, each time after a step of so many answers; gives the time of each step of prompts. */
const drive = (budget: ChunkBudget, costs: Costs, waiting: number, steps: number, noise = () => 1): number[] =>
  Array.from({ length: steps }, () => {
    if (waiting > 0) budget.observe({ ...NO_TOKENS, decodeRows: waiting, ms: timeOf(costs, waiting, 0) * noise() });
    const promptTokens = tokens(budget, waiting);
    const ms = timeOf(costs, 0, promptTokens) * noise();
    budget.observe({ ...NO_TOKENS, promptTokens, ms });
    return ms;
  });

/** Evaluates a prompt of so many tokens, each time after a step of so many answers, which take longer each time; gives each pause: a step of answers and one of the prompt. */
const drivePrompt = (budget: ChunkBudget, costs: Costs, waiting: number, length: number, longer = 0): number[] => {
  const pauses: number[] = [];
  let pauseMs: number | undefined;
  for (let position = 0, answers = timeOf(costs, waiting, 0); position < length; answers += longer) {
    budget.observe({ ...NO_TOKENS, decodeRows: waiting, ms: answers });
    pauseMs ??= budget.pauseMs(waiting);
    const promptTokens = Math.min(length - position, tokens(budget, waiting, position, pauseMs));
    const ms = timeOf(costs, 0, promptTokens, position);
    budget.observe({ ...NO_TOKENS, promptTokens, position, ms });
    pauses.push(answers + ms);
    position += promptTokens;
  }
  return pauses;
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

  test('make a pause of answers of not three times their usual one, or what nobody sees', () => {
    for (const waiting of [1, 4, 8]) {
      const answers = timeOf(REAL_COSTS, waiting, 0);
      const times = drive(fresh(), REAL_COSTS, waiting, 200);
      expect(Math.max(...times.slice(1))).toBeLessThan(Math.max(22, 2 * answers));
      expect(times.at(-1)).toBeGreaterThan(1.5 * answers);
    }
  });

  test('never more than the batch holds, and at least some', () => {
    const quick = fresh();
    drive(quick, { step: 0, decodeRow: 0.001, promptToken: 0.0001, copy: 0 }, 0, 40);
    expect(quick.tokens(0)).toBe(512);
    const slow = fresh();
    drive(slow, { step: 0, decodeRow: 1, promptToken: 100, copy: 0 }, 2, 40);
    expect(tokens(slow, 2)).toBe(2);
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
      { usual: 2, long: 32 },
      { usual: 2, long: 5 },
    ]);
  });

  test('come near to the target at once where steps of that size were measured, whatever larger ones cost for each token', () => {
    const budget = fresh();
    const costs = { ...REAL_COSTS, step: 10 };
    drive(budget, costs, 4, 60);
    drive(budget, costs, 0, 60);
    const answers = timeOf(costs, 4, 0);
    const times = drive(budget, costs, 4, 5);
    expect(Math.max(...times)).toBeLessThan(2.1 * answers);
  });

  test('take some milliseconds beside answers that take less', () => {
    const tiny = { step: 0.3, decodeRow: 0.2, promptToken: 0.04, copy: 0 };
    const times = drive(fresh(), tiny, 2, 60);
    expect(times.at(-1)).toBeGreaterThan(12);
    expect(Math.max(...times)).toBeLessThan(25);
  });

  test('follow the number of answers that is nearest to what was measured', () => {
    const budget = fresh();
    drive(budget, { ...REAL_COSTS, decodeRow: 3 * REAL_COSTS.decodeRow }, 4, 40);
    const four = tokens(budget, 4);
    expect(tokens(budget, 6)).toBe(four);
    expect(tokens(budget, 2)).toBeLessThan(four);
  });

  test('become fewer the more tokens they have to look back at', () => {
    const budget = fresh();
    // At the end of the prompt, a token takes three times what the first ones take.
    const costs = { ...REAL_COSTS, back: REAL_COSTS.promptToken / 2_000 };
    const answers = timeOf(costs, 4, 0);
    const first = drivePrompt(budget, costs, 4, 4_000);
    expect(Math.max(...first.slice(1))).toBeLessThan(3.1 * answers);
    expect(Math.max(...drivePrompt(budget, costs, 4, 4_000))).toBeLessThan(3.1 * answers);
    expect(tokens(budget, 4, 4_000)).toBeLessThan(tokens(budget, 4) / 2);
    expect(tokens(budget, 4, 4_000)).toBeGreaterThan(tokens(budget, 4) / 5);
  });

  test('become fewer while the answers take longer, so that pauses stay what they were when the prompt came', () => {
    const budget = fresh();
    const answers = timeOf(REAL_COSTS, 4, 0);
    const pauses = drivePrompt(budget, REAL_COSTS, 4, 2_000, answers / 200);
    expect(pauses.length).toBeGreaterThan(40);
    expect(Math.max(...pauses.slice(1))).toBeLessThan(3.1 * answers);
  });

  test('follow the slower ones of the answers where these differ', () => {
    const budget = fresh();
    const random = randomOf(1);
    drive(budget, REAL_COSTS, 4, 400, () => (random() < 0.2 ? 1.4 : 1));
    const answers = timeOf(REAL_COSTS, 4, 0);
    expect(budget.pauseMs(4)).toBeGreaterThan(2.9 * 1.15 * answers);
    expect(budget.pauseMs(4)).toBeLessThan(2.9 * 1.4 * answers);
  });

  test('do not become many by other programs that make one step in ten four times as long', () => {
    const ratios = Array.from({ length: 500 }, (_, seed) => {
      const random = randomOf(seed);
      const budget = fresh();
      drive(budget, REAL_COSTS, 4, 120, () => (random() < 0.1 ? 4 : 1));
      // Had nothing disturbed the next one.
      return timeOf(REAL_COSTS, 0, tokens(budget, 4)) / timeOf(REAL_COSTS, 4, 0);
    });
    expect(ratios.filter((ratio) => ratio > 4).length).toBeLessThan(25);
    expect(Math.max(...ratios)).toBeLessThan(5);
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
