import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextTokenizer } from './text-tokenizer.ts';
import { TokenBytes } from './token-bytes.ts';
import { tokenSpans } from './token-spans.ts';
import { surfacesOf, wordRules } from './token-surfaces.ts';
import { sentencePieces, wordPieces } from './tokenizer.fixture.ts';

const pieces = (text: string, file: typeof wordPieces | typeof sentencePieces = wordPieces): string[] => {
  const tokenizer = new TextTokenizer('m', file);
  const rules = wordRules(file);
  const surfaces = surfacesOf(tokenizer.tokens(text), tokenizer, new TokenBytes(tokenizer, file), rules);
  return tokenSpans(text, surfaces, rules.unknownIsWord).map(({ start, end }) => text.slice(start, end));
};

test('tokens are found in the text as it was written', () => {
  expect(pieces('The  CATS sat.')).toEqual(['The', 'CAT', 'S', 'sat', '.']);
  expect(pieces('Thé Cát')).toEqual(['Thé', 'Cát']);
  expect(pieces('The\u0301 cat')).toEqual(['The\u0301', 'cat']);
  expect(pieces('the cats', sentencePieces)).toEqual(['the', 'cat', 's']);
  expect(pieces('ｔｈｅ cat', sentencePieces)).toEqual(['ｔｈｅ', 'cat']);
});

test('what the vocabulary does not know is what is left', () => {
  expect(pieces('the qqcatqq cat')).toEqual(['the', 'qqcatqq', 'cat']);
  expect(pieces('qqq the')).toEqual(['qqq', 'the']);
  expect(pieces('the qqq')).toEqual(['the', 'qqq']);
  expect(pieces('李 the cat', sentencePieces)).toContain('李');
});

test('bytes of a character belong together', () => {
  const bytes = new TextEncoder().encode('é');
  const surfaces = [{ text: 'a' }, { text: '' }, { text: 'é' }];
  expect(bytes).toHaveLength(2);
  const spans = tokenSpans('aé', surfaces, false);
  expect(spans).toEqual([
    { start: 0, end: 1 },
    { start: 1, end: 1 },
    { start: 1, end: 2 },
  ]);
});

test('spans are in order and inside of the text, whatever it is', () => {
  const word = fc.constantFrom('the ', 'CAT', 'cats', '[UNK]', ' ', 'é', 'ﬁ', '李', '🎉', '.', 'zz', '\u0301', 'İ');
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string({ unit: 'grapheme', maxLength: 4 })), { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      for (const file of [wordPieces, sentencePieces]) {
        const tokenizer = new TextTokenizer('m', file);
        const rules = wordRules(file);
        const surfaces = surfacesOf(tokenizer.tokens(text), tokenizer, new TokenBytes(tokenizer, file), rules);
        let before = 0;
        const spans = tokenSpans(text, surfaces, rules.unknownIsWord);
        expect(spans).toHaveLength(surfaces.length);
        for (const { start, end } of spans) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThanOrEqual(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(end).toBeGreaterThanOrEqual(before);
          before = end;
        }
      }
    }),
    { numRuns: 100 },
  );
});
