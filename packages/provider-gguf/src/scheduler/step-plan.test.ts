import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextGroup, planStep, type GroupStep, type ReadySlot } from './step-plan.ts';

const generating = (id: number, rest: Partial<ReadySlot> = {}): ReadySlot => ({
  id,
  pending: 1,
  prompt: 0,
  last: true,
  lastStep: 0,
  ...rest,
});
const prompting = (id: number, prompt: number, rest: Partial<ReadySlot> = {}): ReadySlot => ({
  ...generating(id),
  pending: 0,
  prompt,
  ...rest,
});
const plan = (ready: readonly ReadySlot[], { prompts = false, batchSize = 64, promptTokens = 64, enough = 64 } = {}) =>
  planStep(ready, { batchSize, prompts, promptTokens: () => promptTokens, enough }).map((row) => [
    row.id,
    row.tokens,
    row.logitsFrom,
  ]);

describe('a step', () => {
  const ready = [prompting(2, 100), generating(3), prompting(0, 50), generating(1)];

  test('has a row for each sequence that generates, sorted by sequence', () => {
    expect(plan(ready)).toEqual([
      [1, 1, 0],
      [3, 1, 0],
    ]);
  });

  test('or pieces of prompts in the order given, sorted by sequence', () => {
    expect(plan(ready, { prompts: true, promptTokens: 40 })).toEqual([[2, 40, 40]]);
    expect(plan([prompting(2, 30), prompting(0, 50)], { promptTokens: 40 })).toEqual([
      [0, 10, 10],
      [2, 30, 29],
    ]);
    expect(plan([generating(3)], { prompts: true })).toEqual([[3, 1, 0]]);
  });

  test('of prompts takes no further one when it is long enough', () => {
    const four = [0, 1, 2, 3].map((id) => prompting(id, 20));
    expect(plan(four, { enough: 30 })).toEqual([
      [0, 20, 19],
      [1, 20, 19],
    ]);
    expect(plan([prompting(0, 50), prompting(1, 10)], { enough: 30 })).toEqual([[0, 50, 49]]);
  });

  test('of prompts is as large as those that wait for it allow', () => {
    const asked: number[] = [];
    const bounds = { batchSize: 64, enough: 64, promptTokens: (waiting: number) => asked.push(waiting) };
    planStep(ready, { ...bounds, prompts: true });
    planStep([prompting(0, 50)], { ...bounds, prompts: false });
    expect(asked).toEqual([2, 0]);
  });

  test('takes the last token of a prompt as if it were generated', () => {
    expect(plan([prompting(0, 1), generating(1)])).toEqual([
      [0, 1, 0],
      [1, 1, 0],
    ]);
    expect(plan([prompting(0, 1, { last: false }), generating(1)])).toEqual([[1, 1, 0]]);
  });

  test('asks for no logits where a piece of a prompt ends at a stop', () => {
    expect(plan([prompting(0, 20, { last: false })])).toEqual([[0, 20, 20]]);
  });

  test('has the guessed tokens of a sequence with their logits', () => {
    expect(plan([generating(0, { pending: 5 }), generating(1)])).toEqual([
      [0, 5, 0],
      [1, 1, 0],
    ]);
  });

  test('lets those take turns that do not fit together', () => {
    const many = Array.from({ length: 40 }, (_, id) => generating(id, { lastStep: id < 20 ? 7 : 6 }));
    expect(plan(many, { batchSize: 16 }).map(([id]) => id)).toEqual(Array.from({ length: 16 }, (_, i) => 20 + i));
  });
});

test('any step: rows sorted, none twice, of one kind, no more than batch and budget, never empty while something can be done', () => {
  const slots = fc
    .uniqueArray(
      fc.record({
        id: fc.nat(40),
        pending: fc.nat(3),
        prompt: fc.integer({ min: 1, max: 300 }),
        last: fc.boolean(),
        lastStep: fc.nat(9),
      }),
      { selector: ({ id }) => id, minLength: 1, maxLength: 40 },
    )
    .map((all) => all.map((slot) => (slot.pending > 0 ? { ...slot, prompt: 0 } : slot)));
  const numbers = [fc.integer({ min: 16, max: 200 }), fc.integer({ min: 1, max: 400 }), fc.boolean()] as const;
  fc.assert(
    fc.property(slots, ...numbers, (ready, batchSize, budget, prompts) => {
      const rows = planStep(ready, { batchSize, prompts, promptTokens: () => budget, enough: batchSize });
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.map(({ id }) => id)).toEqual([...new Set(rows.map(({ id }) => id))].sort((a, b) => a - b));
      const total = rows.reduce((sum, { tokens }) => sum + tokens, 0);
      expect(total).toBeLessThanOrEqual(batchSize);
      const kinds = new Set<string>();
      for (const { id, tokens, logitsFrom } of rows) {
        const { pending, prompt, last } = ready.find((slot) => slot.id === id) as ReadySlot;
        expect(tokens).toBeGreaterThan(0);
        expect(tokens).toBeLessThanOrEqual(Math.max(pending, prompt));
        const single = pending > 0 || (prompt === 1 && last);
        kinds.add(single ? 'answers' : 'prompts');
        expect(logitsFrom).toBe(single ? 0 : last && tokens === prompt ? tokens - 1 : tokens);
      }
      expect(kinds.size).toBe(1);
      if (kinds.has('prompts')) expect(total).toBeLessThanOrEqual(budget);
    }),
  );
});

test('groups take turns', () => {
  const last = new Map<string | undefined, GroupStep>();
  const turns: (string | undefined)[] = [];
  for (let step = 1; step <= 9; step++) {
    const group = nextGroup(['x', undefined, 'x', 'y', 'x'], last);
    last.set(group, { step, prompts: false });
    turns.push(group);
  }
  for (const group of ['x', 'y', undefined]) expect(turns.filter((each) => each === group)).toHaveLength(3);
  expect(nextGroup([undefined], last)).toBeUndefined();
  expect(nextGroup(['x'], last)).toBe('x');
});
