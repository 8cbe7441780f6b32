import { expect, test } from 'vitest';
import { countBeginnings } from './grammar-beginnings.ts';

const doubling = (levels: number): string =>
  [
    'root ::= s0',
    ...Array.from({ length: levels }, (_, i) => `s${i} ::= s${i + 1} "x" | s${i + 1} "y"`),
    `s${levels} ::= "a"`,
  ].join('\n');

test.each([
  ['root ::= "a"', 1],
  ['root ::= "a" | [bc] | . | x # (y | z)\nx ::= "|" "b"', 4],
  ['root ::= "a"? "b"* "c"{0,3} "d" "e"', 4],
  ['root ::= ("a" | "b")? ("c" | "" "d") "e"', 4],
  ['root ::= ("a"?){4} "b"', 5],
  ['root ::= "" x ""\nx ::= y |\n  "c"\ny ::= ("d")+', 2],
  ['root ::= !<[12]> | <think>', 2],
  ['root ::= "\\"" root | "b"', 2],
  [doubling(3), 8],
  [doubling(60), 2 ** 60],
])('of %s', (grammar, ways) => {
  expect(countBeginnings(grammar)).toBe(ways);
});

test('no order of rules, and no way back to one, hides any', () => {
  const back = doubling(20).replaceAll(/^(s\d+) ::= (s\d+)/gm, '$1 ::= "q" $1 | $2');
  const up = back.replace('s20 ::=', 's20 ::= "q" s19 |').replace('root ::= s0', 'root ::= s0 | "z" s20 | "z" s10');
  expect(countBeginnings(up)).toBeGreaterThan(2 ** 20);
  expect(countBeginnings(up.split('\n').reverse().join('\n'))).toBeGreaterThan(2 ** 20);
});

test('a very long row of rules is followed', () => {
  const row = Array.from({ length: 20_000 }, (_, i) => `r${i} ::= r${i + 1} | "x"`).join('\n');
  expect(countBeginnings(`root ::= r0\n${row}\nr20000 ::= "y"`)).toBe(20_001);
});

test('what is no grammar, and one that begins with itself, is left to llama.cpp', () => {
  for (const text of ['', 'root', '"a"', 'root ::= nothing']) expect(countBeginnings(text)).toBeUndefined();
  expect(countBeginnings('root ::= root "a" | "b"')).toBeLessThan(10);
  expect(countBeginnings('root ::= a\na ::= b "x" | "c"\nb ::= a | "d"')).toBeLessThan(10);
});
