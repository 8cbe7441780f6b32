import { expect, it } from 'vitest';
import { trendOf } from './memory-trend.ts';

it('compares the second quarter with the last one, by medians', () => {
  expect(trendOf([90, 91, 10, 12, 11, 12, 30, 21, 20])).toEqual({ early: 12, late: 21 });
});
