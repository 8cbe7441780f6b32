import { expect, it } from 'vitest';
import { exactParser } from './exact-json.ts';

const parse = exactParser('calls');

it.each([
  ['an integer that no number holds', '{"calls":[{"id":12345678901234567890,"n":-9007199254740993}]}'],
  ['what a number holds', '{"calls":[{"a":1,"b":1.5,"c":"12345678901234567890","d":[null,true]}]}'],
])('%s is written out as it was', (_, text) => {
  expect(JSON.stringify(parse(text))).toBe(text);
});

it('is a plain parse without the mark, and undefined for what is no JSON', () => {
  expect(parse('{"id":12345678901234567890}')).toEqual({ id: 12345678901234567890 });
  expect([parse('{"calls":'), parse('')]).toEqual([undefined, undefined]);
});
