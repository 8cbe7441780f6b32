import { expect, test } from 'vitest';
import { MessageLines } from './message-lines.ts';

const messagesOf = (...lines: readonly string[]): (string | undefined)[] => {
  const message = new MessageLines();
  const all = lines.map((line) => message.add(line));
  return [...all.filter((text) => text !== undefined), ...(message.open ? [message.end()] : [])];
};

test.each([
  [
    ['Hello', 'You'],
    ['Hello', 'You'],
  ],
  [
    ['one \\', 'two\\', 'three', 'next'],
    ['one \ntwo\nthree', 'next'],
  ],
  [
    ['"""', 'a', '', 'b"""', 'c'],
    ['a\n\nb', 'c'],
  ],
  [['"""a', 'b', '"""'], ['a\nb']],
  [['"""one line"""'], ['one line']],
  [['""""""'], ['']],
  [[''], ['']],
  [['goes on \\'], ['goes on ']],
  [['"""', 'never closed'], ['never closed']],
])('%j are the messages %j', (lines, expected) => {
  expect(messagesOf(...lines)).toEqual(expected);
});

test('an unfinished message can be dropped', () => {
  const message = new MessageLines();
  message.add('"""');
  message.add('half');
  expect(message.open).toBe(true);
  message.drop();
  expect(message.open).toBe(false);
  expect(message.add('new')).toBe('new');
});
