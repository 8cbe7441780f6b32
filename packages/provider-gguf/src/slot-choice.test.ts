import { expect, test } from 'vitest';
import { chooseSlot, type SlotView } from './slot-choice.ts';

const slot = (id: number, cached: number[] = [], rest: Partial<SlotView> = {}): SlotView => ({
  id,
  cached,
  busy: false,
  lastUsed: 0,
  ...rest,
});
const tokens = (length: number, from = 0): number[] => Array.from({ length }, (_, i) => from + i);

test('there is none when all are busy', () => {
  expect(chooseSlot([slot(0, [], { busy: true })], [1, 2])).toBeUndefined();
});

test('the longest shared beginning wins over an empty slot', () => {
  const slots = [slot(0), slot(1, tokens(50)), slot(2, tokens(90)), slot(3, tokens(100, 500))];
  expect(chooseSlot(slots, tokens(120))).toEqual({ id: 2, shared: 90 });
});

test('the last token of a prompt is evaluated in any case', () => {
  expect(chooseSlot([slot(0, tokens(20))], tokens(10))).toEqual({ id: 0, shared: 9 });
  expect(chooseSlot([slot(0, tokens(20))], [0])).toEqual({ id: 0, shared: 0 });
});

test('a long conversation is not dropped for a short beginning that a new one shares', () => {
  const conversation = [...tokens(20), ...tokens(500, 1000)];
  expect(chooseSlot([slot(0, conversation), slot(1)], [...tokens(20), 7, 8, 9])).toEqual({ id: 1, shared: 0 });
});

test('beside running sequences, the next id; when idle, the one that was idle longest', () => {
  const prompt = tokens(5, 100);
  expect(chooseSlot([slot(0), slot(1), slot(2, [], { busy: true }), slot(3)], prompt)?.id).toBe(1);
  const old = [
    slot(0, tokens(9), { lastUsed: 5 }),
    slot(1, tokens(9), { lastUsed: 3 }),
    slot(2, tokens(9), { lastUsed: 4 }),
  ];
  expect(chooseSlot(old, prompt)?.id).toBe(1);
});
