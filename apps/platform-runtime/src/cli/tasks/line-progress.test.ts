import { expect, test } from 'vitest';
import { progressText } from './line-progress.ts';

test.each([
  [[0, 0, undefined], '0 lines, 0.0/s'],
  [[1234, 10, undefined], '1,234 lines, 123/s'],
  [[50, 10, 0.25], '50 lines, 5.0/s, 25%, 30 s left'],
  [[50, 100, 0.5], '50 lines, 0.5/s, 50%, 1 min 40 s left'],
  [[50, 100, 0.005], '50 lines, 0.5/s, 0%, 5 h 31 min left'],
] as const)('%j', ([lines, seconds, part], expected) => {
  expect(progressText(lines, seconds, part)).toBe(expected);
});
