import { expect, test } from 'vitest';
import { DEFAULT_SAMPLING, choiceSeeds, samplerSettings } from './sampling-config.ts';

test('the request comes before the model file, the model file before the defaults', () => {
  const settings = samplerSettings(
    { temperature: 0, topP: 1 },
    { temperature: 0.6, topK: 20, topP: 0.5, minP: 0.01 },
    1,
  );
  expect(settings).toEqual({ temperature: 0, topP: 1, topK: 20, minP: 0.01, seed: 1, logitBias: [] });
  const { repeatPenalty: _, ...defaults } = DEFAULT_SAMPLING;
  expect(samplerSettings({}, {}, 2)).toEqual({ ...defaults, seed: 2, logitBias: [] });
});

test('what a model file recommends beyond sense is not used', () => {
  expect(samplerSettings({}, { temperature: -1, topP: 7, topK: -3, minP: 2, repeatPenalty: 0 }, 0)).toEqual(
    samplerSettings({}, {}, 0),
  );
});

test('penalties are on when one differs from its neutral value', () => {
  expect(
    samplerSettings({ frequencyPenalty: 0, presencePenalty: 0, repeatPenalty: 1 }, {}, 0).penalties,
  ).toBeUndefined();
  expect(samplerSettings({ presencePenalty: 0.5 }, {}, 0).penalties).toEqual({
    repeat: 1,
    frequency: 0,
    presence: 0.5,
  });
});

test('seeds of choices differ, repeat, begin with the seed and are never the one that means any', () => {
  const seeds = choiceSeeds(5, 16);
  expect(seeds[0]).toBe(5);
  expect(new Set([...seeds, ...choiceSeeds(6, 16)]).size).toBe(32);
  expect(choiceSeeds(5, 16)).toEqual(seeds);
  expect(choiceSeeds(0xffffffff, 1)).toEqual([0xfffffffe]);
  expect(choiceSeeds(undefined, 1)).not.toEqual(choiceSeeds(undefined, 1));
});

test('DRY has the defaults of llama.cpp, and is left out where it does nothing', () => {
  expect(samplerSettings({ dry: { multiplier: 0.8 } }, {}, 0).dry).toEqual({
    multiplier: 0.8,
    base: 1.75,
    allowedLength: 2,
    lastTokens: undefined,
    sequenceBreakers: ['\n', ':', '"', '*'],
  });
  const own = { multiplier: 1, base: 2, allowedLength: 3, lastTokens: 4, sequenceBreakers: [] };
  expect(samplerSettings({ dry: own }, {}, 0).dry).toEqual(own);
  for (const dry of [{ multiplier: 0 }, { multiplier: 1, lastTokens: 0 }])
    expect(samplerSettings({ dry }, {}, 0)).not.toHaveProperty('dry');
});

test('XTC that never happens is left out, and so are penalties of no tokens', () => {
  const xtc = { probability: 0.5, threshold: 0.1 };
  expect(samplerSettings({ xtc }, {}, 0).xtc).toEqual(xtc);
  expect(samplerSettings({ xtc: { ...xtc, probability: 0 } }, {}, 0)).not.toHaveProperty('xtc');
  expect(samplerSettings({ repeatPenalty: 2, repeatLastTokens: 0 }, {}, 0)).not.toHaveProperty('penalties');
  expect(samplerSettings({ repeatPenalty: 2, repeatLastTokens: 5 }, {}, 0).penalties?.lastTokens).toBe(5);
});

test('tokens that must not be chosen are banned after the biases of the request', () => {
  expect(samplerSettings({ logitBias: { '5': 100 } }, {}, 0, [5, 7]).logitBias).toEqual([
    [5, 100],
    [5, Number.NEGATIVE_INFINITY],
    [7, Number.NEGATIVE_INFINITY],
  ]);
});
