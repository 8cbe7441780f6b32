import { expect, test } from 'vitest';
import { wrapWords } from './wrap-words.ts';

test.each([
  ['fits', 4, 0, 'fits'],
  ['one two three', 7, 0, 'one two\nthree'],
  ['label  one two', 10, 7, 'label  one\n       two'],
  ['longerthanthat and', 5, 0, 'longerthanthat\nand'],
  ['longerthanthat', 5, 0, 'longerthanthat'],
  ['a bb cc', 3, 3, 'a\n   bb\n   cc'],
  ['anything at all', Infinity, 0, 'anything at all'],
])('%j in %d columns', (line, width, indent, expected) => {
  expect(wrapWords(line, width, indent)).toBe(expected);
});
