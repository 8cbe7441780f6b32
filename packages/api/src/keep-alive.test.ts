import { expect, test } from 'vitest';
import { keepAliveMs } from './keep-alive.ts';

test.each<[string | number, number]>([
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['300ms', 300],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  [60, 60_000],
  ['60', 60_000],
  [0, 0],
  ['0', 0],
  ['0s', 0],
  [-1, Infinity],
  ['-1', Infinity],
  ['-5m', Infinity],
  ['forever', Infinity],
  [Infinity, Infinity],
])('%s is %d ms', (value, ms) => expect(keepAliveMs(value)).toBe(ms));

test.each(['', 'soon', '5 m', '5x', 'm5', '5m3', '1e3s', NaN])('%s is none', (value) =>
  expect(keepAliveMs(value)).toBeUndefined(),
);
