import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FastUnigram } from './fast-unigram.ts';
import { makeTokenizer } from './hugging-face-tokenizer.ts';
import type { JsonObject } from './json-fields.ts';
import { TextTokenizer } from './text-tokenizer.ts';
import { sentencePieces, wordPieces } from './tokenizer.fixture.ts';

const bert = (more: JsonObject = {}, config: JsonObject = {}): TextTokenizer =>
  new TextTokenizer('bert', { ...wordPieces, ...more }, { sep_token: '[SEP]', pad_token: '[PAD]', ...config });

describe('a WordPiece tokenizer', () => {
  test('puts its special tokens around a text and a pair, with the types of each', () => {
    const tokenizer = bert();
    const [cls, sep] = [tokenizer.idOf('[CLS]'), tokenizer.idOf('[SEP]')] as [number, number];
    const [the, cat] = tokenizer.tokens('The cat') as [number, number];
    expect(tokenizer.encode('the CAT')).toEqual({
      ids: [cls, the, cat, sep],
      typeIds: [0, 0, 0, 0],
      start: 1,
      count: 2,
      skipped: 0,
      dropped: 0,
    });
    expect(tokenizer.encode('cat', 'the cat')).toEqual({
      ids: [cls, cat, sep, the, cat, sep],
      typeIds: [0, 0, 0, 1, 1, 1],
      start: 1,
      count: 1,
      skipped: 0,
      dropped: 0,
    });
    expect(tokenizer.encode('')).toMatchObject({ ids: [cls, sep], count: 0 });
    expect(tokenizer.encode('cat', '').ids).toEqual([cls, cat, sep, sep]);
  });

  test('reads unknown words as the unknown token, and pieces of words', () => {
    const tokenizer = bert();
    expect(tokenizer.tokens('cats xyz').map((id) => tokenizer.spelling(id))).toEqual(['cat', '##s', '[UNK]']);
    expect(tokenizer.decode(tokenizer.tokens('cats'))).toBe('cats');
    expect(tokenizer.decode([])).toBe('');
  });

  test('reads the spelling of a special token as text where that is asked for', () => {
    const tokenizer = bert();
    expect(tokenizer.tokens('cat [SEP]')).toContain(tokenizer.idOf('[SEP]'));
    expect(tokenizer.tokens('cat [SEP]', false)).not.toContain(tokenizer.idOf('[SEP]'));
    expect(tokenizer.tokens('cat', false)).toEqual(tokenizer.tokens('cat'));
  });

  test('cuts as its file says, special tokens counted, and says how much', () => {
    const truncation = { max_length: 4, strategy: 'LongestFirst', direction: 'Right', stride: 0 };
    const tokenizer = bert({ truncation });
    expect(tokenizer.encode('the cat the cat')).toMatchObject({ count: 2, dropped: 2 });
    expect(tokenizer.encode('the cat the cat').ids).toHaveLength(4);
    expect(bert().encode('the cat the cat').ids).toHaveLength(6);
    const left = bert({ truncation: { ...truncation, direction: 'Left' } });
    expect(left.encode('the the cat cat').ids.slice(1, 3)).toEqual(left.tokens('cat cat'));
    expect(left.encode('the the cat cat')).toMatchObject({ count: 2, skipped: 2, dropped: 2 });
    const first = bert({ truncation: { ...truncation, strategy: 'OnlyFirst' } });
    expect(() => first.encode('the', 'cat cat cat')).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded' }),
    );
  });

  test('pads as its files say', () => {
    expect(bert().padding).toEqual({ id: 0, typeId: 0, side: 'right', multiple: 1, length: 0 });
    const padding = { strategy: { Fixed: 16 }, direction: 'Left', pad_to_multiple_of: 8, pad_id: 3, pad_type_id: 1 };
    expect(bert({ padding }).padding).toEqual({ id: 3, typeId: 1, side: 'left', multiple: 8, length: 16 });
    expect(bert({}, { padding_side: 'left' }).padding.side).toBe('left');
  });

  test('has no limit where its configuration has the number that means none', () => {
    expect(bert({}, { model_max_length: 1e30 }).maxLength).toBeUndefined();
    expect(bert({}, { model_max_length: 512 }).maxLength).toBe(512);
  });
});

test.each([{}, { model: {} }, { model: { type: 'Nonsense' } }])('a file that is no tokenizer is named: %j', (file) => {
  expect(() => new TextTokenizer('odd', file)).toThrow(
    expect.objectContaining({ code: 'model_invalid', message: expect.stringContaining("'odd'") as string }),
  );
});

describe('FastUnigram', () => {
  const reference = makeTokenizer(sentencePieces, {});
  const fast = new TextTokenizer('pieces', sentencePieces);

  test('gives the pieces that the library gives', () => {
    const word = fc.constantFrom('the', 'cat', 'cats', 'hello', ' ', '  ', 'ab', 'é', '🎉', '李', 'zz', '.', 'a');
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const pieces = reference.tokenize(text, { add_special_tokens: false });
        expect(fast.tokens(text)).toEqual(pieces.map((piece) => reference.token_to_id(piece) ?? 0));
      }),
      { numRuns: 300 },
    );
  });

  test('takes a score that JSON has no number for as the library does, and is still what splits texts', () => {
    const { model } = sentencePieces;
    const pieces = { ...sentencePieces, model: { ...model, vocab: [...model.vocab, ['▁hello', null]] } };
    const split = vi.spyOn(FastUnigram.prototype, 'encode');
    const text = 'hello the cats hello';
    const wanted = makeTokenizer(pieces, {}).tokenize(text, { add_special_tokens: false });
    const tokenizer = new TextTokenizer('pieces', pieces);
    expect(tokenizer.tokens(text).map((id) => tokenizer.spelling(id))).toEqual(wanted);
    expect(split).toHaveBeenCalled();
    split.mockRestore();
  });

  test('splits the most probable way', () => {
    const pieces = [
      ['?', 0],
      ['a', -1],
      ['b', -1],
      ['ab', -3],
      ['abc', -2],
      ['🎉', -1],
    ] as const;
    const unigram = new FastUnigram({ pieces, unknown: 0 });
    expect(unigram.encode('ababc')).toEqual(['a', 'b', 'abc']);
    expect(unigram.encode('a🎉x🎊')).toEqual(['a', '🎉', 'x', '🎊']);
    expect(unigram.encode('')).toEqual([]);
  });
});
