import { expect, test } from 'vitest';
import { barChart } from './bar-chart.ts';

const bars = [
  { label: '1', value: 50, text: '50' },
  { label: '16', value: 100, text: '100' },
  { label: '2', value: 0.1, text: '0.1' },
];

test('the longest bar takes the width that labels and values leave', () => {
  const lines = barChart(bars, 27).split('\n');
  expect(lines[0]).toBe(` 1 ${'█'.repeat(10)} 50`);
  expect(lines[1]).toBe(`16 ${'█'.repeat(20)} 100`);
  // Something is seen of every value that is not nothing.
  expect(lines[2]).toBe(' 2 ▏ 0.1');
  expect(lines.every((line) => line.length <= 27)).toBe(true);
});

test('a narrow place still shows a bar', () => {
  expect(barChart(bars, 3).split('\n')[1]).toBe('16 █ 100');
});

test('parts of a block', () => {
  const [line] = barChart(
    [
      { label: 'a', value: 5, text: '5' },
      { label: 'b', value: 8, text: '8' },
    ],
    5,
  ).split('\n');
  expect(line).toBe('a ▋ 5');
});

test('nothing, and nothing but zeros', () => {
  expect(barChart([], 40)).toBe('');
  expect(barChart([{ label: 'a', value: 0, text: '0' }], 40)).toBe('a  0\n');
});
