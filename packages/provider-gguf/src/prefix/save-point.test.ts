import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { saveAfter } from './save-point.ts';

describe('saveAfter', () => {
  test('a short question is saved with the beginning, after the prompt', () => {
    expect(saveAfter({ branch: 1000, kept: 0, prompt: 1050, uncut: false })).toBe(1050);
    expect(saveAfter({ branch: 1000, kept: 1000, prompt: 1200, uncut: false })).toBe(1200);
  });

  test('a long one is not', () => {
    expect(saveAfter({ branch: 1000, kept: 0, prompt: 4000, uncut: false })).toBe(1000);
    expect(saveAfter({ branch: 1000, kept: 1000, prompt: 4000, uncut: false })).toBe(1032);
  });

  test('memory that cannot be cut is saved exactly at the end of the beginning or not at all', () => {
    expect(saveAfter({ branch: 1000, kept: 0, prompt: 1001, uncut: true })).toBe(1000);
    expect(saveAfter({ branch: 1000, kept: 1000, prompt: 1001, uncut: true })).toBe(1000);
    expect(saveAfter({ branch: 1000, kept: 1001, prompt: 1100, uncut: true })).toBeUndefined();
  });

  test('it is always in what is still to be evaluated, and holds the beginning', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), fc.nat(3000), fc.boolean(), (a, b, rest, uncut) => {
        const prompt = Math.max(a, b) + 1 + rest;
        const at = saveAfter({ branch: a, kept: b, prompt, uncut });
        if (at === undefined) return;
        expect(at).toBeGreaterThanOrEqual(uncut ? b : b + 1);
        expect(at).toBeGreaterThanOrEqual(a);
        expect(at).toBeLessThanOrEqual(prompt);
      }),
    );
  });
});
