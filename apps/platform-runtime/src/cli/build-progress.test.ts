import { expect, test } from 'vitest';
import { buildProgress } from './build-progress.ts';

const shown = (isTTY: boolean, lines: readonly string[]): string => {
  let text = '';
  const write = (part: string): boolean => ((text += part), true);
  using progress = buildProgress({ isTTY, columns: 30, write });
  for (const line of lines) progress.show(line);
  progress.end();
  return text;
};

const LINES = [
  'configuring',
  '-- The C compiler',
  'compiling',
  '[  5%] a',
  '[1/20] b',
  '[  9%] c',
  '[12/100] d',
  '[100%] e',
];

test('a log gets the steps, and a line for each tenth', () => {
  expect(shown(false, LINES)).toBe('configuring\ncompiling\ncompiled 5%\ncompiled 12%\ncompiled 100%\n');
});

test('a terminal has one line that changes and goes at the end', () => {
  const text = shown(true, ['configuring', `[ 50%] ${'x'.repeat(100)}`]);
  expect(text).toBe(`\r\u001b[Kconfiguring\r\u001b[K[ 50%] ${'x'.repeat(22)}\r\u001b[K`);
});
