import { randomInt } from 'node:crypto';
import type { Sampling } from '@golek/providers-spi';
import type { SamplingFacts } from './gguf-manifest.ts';

/** Settings of one native sampler, in its own terms. */
export interface SamplerSettings {
  /** 0: greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0: all. */
  readonly topK: number;
  readonly minP: number;
  /** Never 0xffffffff, which llama.cpp reads as "any seed". */
  readonly seed: number;
  /** Penalties count the tokens of the answer; undefined when all are off. */
  readonly penalties?: {
    readonly repeat: number;
    readonly frequency: number;
    readonly presence: number;
    /** How many of the last tokens count; undefined: all. */
    readonly lastTokens: number | undefined;
  };
  readonly xtc?: { readonly probability: number; readonly threshold: number };
  readonly dry?: DrySettings;
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
}

interface DrySettings {
  readonly multiplier: number;
  readonly base: number;
  readonly allowedLength: number;
  /** How many of the last tokens are looked at; undefined: all. */
  readonly lastTokens: number | undefined;
  readonly sequenceBreakers: readonly string[];
}

/** What of DRY a request leaves open is as in llama.cpp. */
const DEFAULT_DRY = { base: 1.75, allowedLength: 2, sequenceBreakers: ['\n', ':', '"', '*'] } as const;

/**
 * What a request that says nothing gets when its model recommends nothing either: llama.cpp's own defaults, which small local
 * models are usually tried with. OpenAI's (temperature 1, nothing cut) make such models ramble.
 */
export const DEFAULT_SAMPLING = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1 } as const;

const within = (value: number | undefined, low: number, high: number): number | undefined =>
  value !== undefined && value >= low && value <= high ? value : undefined;

/**
 * The request's settings, else what the model file recommends (where that makes sense), else the defaults. `never`: tokens that must not be
 * chosen, whatever their logits.
 */
export const samplerSettings = (
  asked: Sampling,
  recommended: SamplingFacts,
  seed: number,
  never: readonly number[] = [],
): SamplerSettings => {
  const repeat = asked.repeatPenalty ?? within(recommended.repeatPenalty, 0.01, 10) ?? DEFAULT_SAMPLING.repeatPenalty;
  const frequency = asked.frequencyPenalty ?? 0;
  const presence = asked.presencePenalty ?? 0;
  return {
    temperature: asked.temperature ?? within(recommended.temperature, 0, 100) ?? DEFAULT_SAMPLING.temperature,
    topP: asked.topP ?? within(recommended.topP, 0, 1) ?? DEFAULT_SAMPLING.topP,
    topK: asked.topK ?? within(recommended.topK, 0, 1e6) ?? DEFAULT_SAMPLING.topK,
    minP: asked.minP ?? within(recommended.minP, 0, 1) ?? DEFAULT_SAMPLING.minP,
    seed,
    ...(asked.repeatLastTokens !== 0 &&
      (repeat !== 1 || frequency !== 0 || presence !== 0) && {
        penalties: { repeat, frequency, presence, lastTokens: asked.repeatLastTokens },
      }),
    ...(asked.xtc && asked.xtc.probability > 0 && { xtc: asked.xtc }),
    ...drySettings(asked.dry),
    logitBias: [
      ...Object.entries(asked.logitBias ?? {}).map(([token, bias]) => [Number(token), bias] as const),
      ...never.map((token) => [token, Number.NEGATIVE_INFINITY] as const),
    ],
  };
};

const drySettings = (asked: Sampling['dry']): { dry?: DrySettings } => {
  if (!asked || asked.multiplier === 0 || asked.lastTokens === 0) return {};
  return {
    dry: {
      multiplier: asked.multiplier,
      base: asked.base ?? DEFAULT_DRY.base,
      allowedLength: asked.allowedLength ?? DEFAULT_DRY.allowedLength,
      lastTokens: asked.lastTokens,
      sequenceBreakers: asked.sequenceBreakers ?? DEFAULT_DRY.sequenceBreakers,
    },
  };
};

const ANY_SEED = 0xffffffff;

/** Seeds of the choices of one request: the first has the seed itself, the others are spread by a 32-bit mixer. */
export const choiceSeeds = (asked: number | undefined, choices: number): number[] => {
  const seed = asked ?? randomInt(ANY_SEED);
  return Array.from({ length: choices }, (_, choice) => {
    const own = choice === 0 ? seed : mix(seed, choice);
    return own === ANY_SEED ? ANY_SEED - 1 : own;
  });
};

/** Finaliser of MurmurHash3 over seed and index: near seeds give unrelated streams. */
const mix = (seed: number, index: number): number => {
  let h = (seed + Math.imul(index, 0x9e3779b9)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};
