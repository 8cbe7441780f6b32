import { expect, test } from 'vitest';
import { PromptLookup } from './prompt-lookup.ts';

interface OneSequence {
  extend(tokens: readonly number[]): void;
  propose(limit: number): readonly number[] | undefined;
}

const lookup = (...tokens: number[]): OneSequence => {
  const drafter = new PromptLookup((token) => token !== 0);
  drafter.begin(3, Uint32Array.from(tokens));
  return {
    extend: (more) => drafter.extend(3, more),
    propose: (limit) => drafter.propose([{ slot: 3, limit }])[0],
  };
};

test('guesses what followed the last tokens before', () => {
  expect(lookup(1, 2, 3, 4, 5, 9, 2, 3).propose(2)).toEqual([4, 5]);
});

test('gives nothing where the last pair is new, or there is too little text', () => {
  expect(lookup(1, 2, 3, 4).propose(4)).toEqual([]);
  expect(lookup().propose(4)).toEqual([]);
  expect(lookup(1, 1).propose(4)).toEqual([]);
});

test('of several places the one that agrees longest counts, of equal ones the last', () => {
  // After 8 2 3 comes 7; after another 2 3 comes 6, which is later but agrees less.
  expect(lookup(8, 2, 3, 7, 1, 2, 3, 6, 8, 2, 3).propose(1)).toEqual([7]);
  expect(lookup(2, 3, 7, 5, 2, 3, 6, 4, 2, 3).propose(1)).toEqual([6]);
});

test('a repetition goes on beyond the end of the text', () => {
  expect(lookup(5, 1, 2, 1, 2).propose(5)).toEqual([1, 2, 1, 2, 1]);
});

test('tokens that end an answer are never guessed', () => {
  expect(lookup(1, 2, 3, 0, 4, 1, 2).propose(3)).toEqual([3]);
});

test('text that comes piece by piece gives the same guesses as at once', () => {
  const tokens = Array.from({ length: 400 }, (_, i) => 1 + ((i * i) % 7));
  const piecewise = lookup();
  for (const [i, token] of tokens.entries()) {
    piecewise.extend([token]);
    expect(piecewise.propose(4)).toEqual(lookup(...tokens.slice(0, i + 1)).propose(4));
  }
});

test('sequences in other slots, and those that are gone, do not count', () => {
  const drafter = new PromptLookup(() => true);
  drafter.begin(0, Uint32Array.of(1, 2, 3, 1, 2));
  drafter.begin(1, Uint32Array.of(1, 2));
  const both = [
    { slot: 0, limit: 1 },
    { slot: 1, limit: 1 },
  ];
  expect(drafter.propose(both)).toEqual([[3], []]);
  drafter.end(0);
  expect(drafter.propose(both)).toEqual([[], []]);
});
