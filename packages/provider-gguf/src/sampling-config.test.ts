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
