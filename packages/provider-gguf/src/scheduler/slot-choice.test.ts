import { expect, test } from 'vitest';
import { chooseSlot, type SlotChoice, type SlotView } from './slot-choice.ts';

const slot = (id: number, content: number[] = [], rest: Partial<SlotView> = {}): SlotView => ({
  id,
  content,
  ready: content.length,
  busy: false,
  owner: 'a',
  cuttable: true,
  lastUsed: 0,
  ...rest,
});
const tokens = (length: number, from = 0): number[] => Array.from({ length }, (_, i) => from + i);
const choose = (slots: readonly SlotView[], prompt: number[], rest: object = {}): SlotChoice | undefined =>
  chooseSlot(slots, { owner: 'a', prompt, saved: 0, savedCost: 0, copyCost: 64, ...rest });
const own = (id: number, shared: number): SlotChoice => ({ id, from: { kind: 'own' }, shared });
const copy = (id: number, source: number, shared: number): SlotChoice => ({
  id,
  from: { kind: 'slot', id: source },
  shared,
});

test('there is none when all are busy', () => {
  expect(choose([slot(0, [], { busy: true })], [1, 2])).toBeUndefined();
});

test('the longest shared beginning wins over an empty slot', () => {
  const slots = [slot(0), slot(1, tokens(50)), slot(2, tokens(90)), slot(3, tokens(100, 500))];
  expect(choose(slots, tokens(120))).toEqual(own(2, 90));
});

test('the last token of a prompt is evaluated in any case', () => {
  expect(choose([slot(0, tokens(20))], tokens(10))).toEqual(own(0, 9));
  expect(choose([slot(0, tokens(20))], [0])).toEqual(own(0, 0));
});

test('a long conversation is not dropped for a short beginning that a new one shares', () => {
  const conversation = [...tokens(20), ...tokens(500, 1000)];
  expect(choose([slot(0, conversation), slot(1)], [...tokens(20), 7, 8, 9])).toEqual(own(1, 0));
});

test('a long beginning is copied, from a slot that is kept and from one that is busy', () => {
  const conversation = [...tokens(300), ...tokens(900, 1000)];
  const prompt = [...tokens(300), 7, 8, 9];
  expect(choose([slot(0, conversation), slot(1)], prompt)).toEqual(copy(1, 0, 300));
  expect(choose([slot(0, conversation, { busy: true }), slot(1)], prompt)).toEqual(copy(1, 0, 300));
  expect(choose([slot(0, conversation, { busy: true }), slot(1)], prompt, { copyCost: 500 })).toEqual(own(1, 0));
});

test('of slots that hold the same, the source is one that has it now', () => {
  const slots = [slot(0, tokens(300), { busy: true, ready: 10 }), slot(1, tokens(300), { busy: true }), slot(2)];
  expect(choose(slots, tokens(310))).toEqual(copy(2, 1, 300));
});

test('what another owner has is not seen', () => {
  const slots = [slot(0, tokens(300), { owner: 'b' }), slot(1)];
  expect(choose(slots, tokens(310))).toEqual(own(1, 0));
});

test('cells that cannot be cut serve only prompts that go on where they end', () => {
  const slots = [slot(0, tokens(300), { cuttable: false }), slot(1)];
  expect(choose(slots, tokens(310))).toEqual(own(0, 300));
  expect(choose(slots, [...tokens(299), 7, 8])).toEqual(own(1, 0));
  const coming = [slot(0, tokens(300), { cuttable: false, busy: true, ready: 100 }), slot(1)];
  expect(choose(coming, tokens(310))).toEqual(own(1, 0));
});

test('a saved state is taken where it saves more than it costs', () => {
  const slots = [slot(0, tokens(20)), slot(1, tokens(100, 500))];
  expect(choose(slots, tokens(400), { saved: 350, savedCost: 50 })).toEqual({
    id: 0,
    from: { kind: 'saved' },
    shared: 350,
  });
  expect(choose(slots, tokens(400), { saved: 350, savedCost: 340 })).toEqual(own(0, 20));
});

test('beside running sequences, the next id; when idle, the one that was idle longest, then the lowest', () => {
  const prompt = tokens(5, 100);
  expect(choose([slot(0), slot(1), slot(2, [], { busy: true }), slot(3)], prompt)?.id).toBe(1);
  expect(choose([slot(0, tokens(90)), slot(1), slot(2), slot(3, [], { busy: true })], prompt)?.id).toBe(2);
  const old = [
    slot(0, tokens(9), { lastUsed: 5 }),
    slot(1, tokens(9), { lastUsed: 3 }),
    slot(2, tokens(9), { lastUsed: 4 }),
  ];
  expect(choose(old, prompt)?.id).toBe(1);
  expect(choose([slot(0), slot(1)], prompt)?.id).toBe(0);
});
