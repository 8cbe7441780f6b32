import { expect, test } from 'vitest';
import { SpecialTokens } from './special-tokens.ts';
import { TokenBytes, type Vocabulary } from './token-bytes.ts';

const CONTROL = 1 << 3;
const SPELLINGS = ['<s>', '</s>', '[CALL]', '<think>', 'a', '</t>'];

const vocabulary: Vocabulary = {
  size: SPELLINGS.length,
  tokenText: (token) => SPELLINGS[token] ?? '',
  // As in many models, some markers are control tokens and others are not.
  attributes: (token) => (token < 3 ? CONTROL : 0),
  detokenize: ([token = 0]) => SPELLINGS[token] ?? '',
  isEndOfGeneration: (token) => token === 1 || token === 5,
};

test('markers that are control tokens have their text, others need none', () => {
  const asked: string[] = [];
  const special = new SpecialTokens(vocabulary, new TokenBytes(vocabulary), (text) => {
    asked.push(text);
    return text === '[CALL]' ? [0, 2] : SPELLINGS.includes(text) ? [SPELLINGS.indexOf(text)] : [4, 4];
  });
  const wanted = ['[CALL]', '<think>', '[NONE]'];
  expect([...special.markers(wanted)]).toEqual([[2, new TextEncoder().encode('[CALL]')]]);
  expect(special.markers(wanted).size).toBe(1);
  expect(asked).toEqual(wanted);
  expect(special.markers([]).size).toBe(0);
});

test('the tokens that end an answer', () => {
  expect(new SpecialTokens(vocabulary, new TokenBytes(vocabulary), () => []).ends).toEqual([1, 5]);
});
