import { describe, expect, it } from 'vitest';
import { restartDelay } from './restart-delay.ts';

describe('restartDelay', () => {
  it('is nothing after the first crash, then doubles up to the maximum', () => {
    const delays = [1, 2, 3, 4, 9, 10, 1_000].map((crashes) => restartDelay(crashes, 250, 30_000, 0));
    expect(delays).toEqual([0, 250, 500, 1_000, 30_000, 30_000, 30_000]);
  });

  it('is taken down by up to a half', () => {
    expect([0, 0.5, 1].map((random) => restartDelay(3, 250, 30_000, random))).toEqual([500, 375, 250]);
  });
});
