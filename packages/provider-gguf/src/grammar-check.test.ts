import { expect, test } from 'vitest';
import { checkGrammar } from './grammar-check.ts';
import { failure } from './tiny-model.fixture.ts';

test.each([
  'root ::= "a"{2,5} [a-z]{3} ("b" | c){0,1}\nc ::= "{9,1}" # {9,1} and (((\n',
  String.raw`root ::= "\"{9,1}" [\]{9,1}] [^"{]+`,
  'root ::= x{3,}\nx ::= "a"',
  'root ::= ("a"{100} ("b" | "c"{2})){100} )',
])('a grammar within the bounds passes: %j', (grammar) => {
  expect(() => checkGrammar(grammar)).not.toThrow();
});

const DOUBLING = Array.from({ length: 60 }, (_, i) => `s${i} ::= s${i + 1} "x" | s${i + 1} "y"\n`).join('');

test.each([
  ['ends before it begins', 'root ::= "a"{5,2}'],
  ['2000 is the most', 'root ::= "a"{1,5000}'],
  ['2000 is the most', 'root ::= "a"{99999999999999999999}'],
  ['repeats too much', `root ::= "${'a'.repeat(100)}"{1000}`],
  ['repeats too much', `root ::= ${'x{2000} '.repeat(30)}\nx ::= "a"`],
  ['repeats too much', 'root ::= (("a"{0,200}){0,200}){0,200}'],
  ['repeats too much', `root ::= ${'("a"{1000} "b") '.repeat(60)}`],
  ['nested more than', `root ::= ${'('.repeat(1000)}`],
  ['write {3}', 'root ::= "a"{b}'],
  ['characters', `root ::= "${'a'.repeat(70_000)}"`],
  ['5000 are the most', `root ::= ${Array.from({ length: 5001 }, () => '"a"').join('|')}`],
  ['may begin in 1152921504606847000 ways', `root ::= s0\n${DOUBLING}s60 ::= "a"`],
  ['NUL', 'root ::= "a\0"'],
])('one beyond them is refused: %s', async (words, grammar) => {
  expect((await failure(() => checkGrammar(grammar), 'invalid_request')).message).toContain(words);
});
