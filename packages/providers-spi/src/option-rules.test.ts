import { describe, expect, it } from 'vitest';
import { checkOptions, type OptionRule } from './option-rules.ts';

const RULES: Readonly<Record<string, OptionRule>> = {
  threads: { allows: (value) => typeof value === 'number' && value > 0, wanted: 'a number above 0' },
  apiKey: { allows: (value) => typeof value === 'string', wanted: 'a text', secret: true },
};

describe('checkOptions', () => {
  it.each([
    [{ thraeds: 2 }, "model 'm': unknown key 'thraeds'; did you mean 'threads'?", 'thraeds'],
    [{ zzz: 2 }, "model 'm': unknown key 'zzz'; known are threads, apiKey", 'zzz'],
    [{ constructor: 2 }, "model 'm': unknown key 'constructor'; known are threads, apiKey", 'constructor'],
    [{ threads: 0 }, "model 'm': 'threads' must be a number above 0 (got 0)", 'threads'],
    [{ apiKey: 12345 }, "model 'm': 'apiKey' must be a text", 'apiKey'],
    [null, "model 'm': must be an object (got null)", ''],
  ])('refuses %j', (options, message, key) => {
    expect(() => checkOptions(options, RULES, "model 'm'")).toThrow(
      expect.objectContaining({ code: 'config_invalid', message, details: { key } }),
    );
  });

  it('passes what is allowed and keys without a value', () => {
    expect(() => checkOptions({ threads: 2, apiKey: undefined }, RULES, "model 'm'")).not.toThrow();
  });
});
