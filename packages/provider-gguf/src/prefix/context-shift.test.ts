import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failure } from '../tiny-model.fixture.ts';
import { keptTokens, planShift, requireShift } from './context-shift.ts';

describe('planShift', () => {
  test('discards half of what need not be kept, and never what must', () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(5000), (held, keep) => {
        const plan = planShift(held, keep);
        if (held - keep < 2) expect(plan).toBeUndefined();
        else expect(plan).toEqual({ start: keep, end: keep + Math.floor((held - keep) / 2) });
      }),
    );
  });
});

describe('keptTokens', () => {
  test('is the prompt, what was asked for, at least one and at most half of the context', () => {
    expect(keptTokens({ keepTokens: undefined, prompt: 30, contextSize: 100 })).toBe(30);
    expect(keptTokens({ keepTokens: undefined, prompt: 90, contextSize: 100 })).toBe(50);
    expect(keptTokens({ keepTokens: 10, prompt: 30, contextSize: 100 })).toBe(10);
    expect(keptTokens({ keepTokens: 60, prompt: 30, contextSize: 100 })).toBe(30);
    expect(keptTokens({ keepTokens: 0, prompt: 30, contextSize: 100 })).toBe(1);
  });
});

describe('requireShift', () => {
  const model = { name: 'm', architecture: 'llama', metadata: new Map<string, unknown>(), swaFullCache: false };

  test('lets plain attention pass', () => {
    requireShift(model);
    requireShift({ ...model, architecture: 'qwen2' });
  });

  test('refuses by name what llama.cpp would end the process for', async () => {
    const refused = (changes: Partial<typeof model>) =>
      failure(() => requireShift({ ...model, ...changes }), 'unsupported');
    expect((await refused({ architecture: 'mamba' })).message).toContain("'mamba'");
    const sections = new Map([['llama.rope.dimension_sections', [1, 1, 1]]]);
    expect((await refused({ metadata: sections })).message).toContain('dimensions');
    const window = new Map<string, unknown>([
      ['general.architecture', 'llama'],
      ['llama.attention.sliding_window', 512],
    ]);
    expect((await refused({ metadata: window })).message).toContain('swaFullCache');
    requireShift({ ...model, metadata: window, swaFullCache: true });
  });
});
