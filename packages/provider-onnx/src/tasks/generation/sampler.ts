import { GolekError, type Sampling } from '@golek/providers-spi';
import { greatest } from './greatest.ts';

/** Settings of one answer's sampler. */
export interface SamplerSettings {
  /** 0: greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0: all. */
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  readonly repeat: number;
  readonly frequency: number;
  readonly presence: number;
  /** The penalties count so many of the last tokens of the answer. */
  readonly lastTokens: number;
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
  /** Tokens that are never chosen. */
  readonly never: readonly number[];
}

/** What a request leaves open, where the model recommends nothing: the same as for GGUF models. */
export const DEFAULT_SAMPLING = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 } as const;

export const samplerSettings = (
  asked: Sampling,
  recommended: Partial<Pick<SamplerSettings, 'temperature' | 'topP' | 'topK' | 'minP' | 'repeat'>>,
  seed: number,
  never: readonly number[],
): SamplerSettings => ({
  temperature: asked.temperature ?? recommended.temperature ?? DEFAULT_SAMPLING.temperature,
  topP: asked.topP ?? recommended.topP ?? DEFAULT_SAMPLING.topP,
  topK: asked.topK ?? recommended.topK ?? DEFAULT_SAMPLING.topK,
  minP: asked.minP ?? recommended.minP ?? DEFAULT_SAMPLING.minP,
  seed,
  repeat: asked.repeatPenalty ?? recommended.repeat ?? 1,
  frequency: asked.frequencyPenalty ?? 0,
  presence: asked.presencePenalty ?? 0,
  lastTokens: asked.repeatLastTokens ?? Infinity,
  logitBias: Object.entries(asked.logitBias ?? {}).map(([token, bias]) => [Number(token), bias] as const),
  never,
});

interface Candidate {
  readonly token: number;
  readonly logit: number;
}

/**
 * Chooses tokens. In this order, as llama.cpp: logit bias, penalties, top-k, top-p, min-p, temperature. The same settings and logits give
 * the same tokens.
 */
export class Sampler {
  readonly #settings: SamplerSettings;
  readonly #random: () => number;
  readonly #answer: number[] = [];

  constructor(settings: SamplerSettings) {
    this.#settings = settings;
    this.#random = randomOf(settings.seed);
  }

  /** The next token. The logits are not changed. Throws where no token is possible. */
  sample(logits: ArrayLike<number>): number {
    const { temperature } = this.#settings;
    const changed = this.#changed(logits);
    const [first] = temperature === 0 ? greatest(changed, 1) : [];
    const chosen = temperature === 0 ? first : this.#draw(filtered(changed, this.#settings), temperature);
    if (chosen === undefined)
      throw new GolekError(
        'provider_failed',
        'the model gave no token that could be chosen: its logits are no numbers, or the request rules out all',
      );
    this.#answer.push(chosen);
    return chosen;
  }

  #changed(logits: ArrayLike<number>): Float64Array {
    const { logitBias, never, repeat, frequency, presence, lastTokens } = this.#settings;
    const changed = new Float64Array(logits);
    const change = (token: number, to: (logit: number) => number): void => {
      if (token < changed.length) changed[token] = to(changed[token] as number);
    };
    for (const [token, bias] of logitBias) change(token, (logit) => logit + bias);
    for (const token of never) change(token, () => Number.NEGATIVE_INFINITY);
    if (repeat === 1 && frequency === 0 && presence === 0) return changed;
    const counts = new Map<number, number>();
    const first = Math.max(0, this.#answer.length - lastTokens);
    for (const token of this.#answer.slice(first)) counts.set(token, (counts.get(token) ?? 0) + 1);
    for (const [token, count] of counts)
      change(token, (logit) => (logit > 0 ? logit / repeat : logit * repeat) - count * frequency - presence);
    return changed;
  }

  #draw(candidates: readonly Candidate[], temperature: number): number | undefined {
    const most = candidates[0]?.logit ?? 0;
    const weights = candidates.map(({ logit }) => Math.exp((logit - most) / temperature));
    let rest = this.#random() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, { token }] of candidates.entries()) {
      rest -= weights[index] as number;
      if (rest < 0) return token;
    }
    return candidates.at(-1)?.token;
  }
}

/** Of more than these, sorting all is faster than finding the greatest. */
const FEW = 256;

/** The candidates that the filters leave, the most probable first. */
const filtered = (
  logits: Float64Array,
  { topK, topP, minP }: Pick<SamplerSettings, 'topK' | 'topP' | 'minP'>,
): readonly Candidate[] => {
  const [best] = greatest(logits, 1);
  if (best === undefined) return [];
  const most = logits[best] as number;
  // What min-p drops in the end need not be sorted; it counts for top-p all the same.
  const floor = most + Math.log(minP);
  const few = topK > 0 && topK <= FEW;
  let kept = few ? greatest(logits, topK) : possible(logits);
  if (!few && topK > 0) kept = sorted(kept, logits).slice(0, topK);
  const sum = kept.reduce((total, token) => total + Math.exp((logits[token] as number) - most), 0);
  kept = kept.filter((token) => (logits[token] as number) >= floor);
  if (!few && topK === 0) kept = sorted(kept, logits);
  let reached = 0;
  const end =
    topP < 1 ? kept.findIndex((token) => (reached += Math.exp((logits[token] as number) - most) / sum) >= topP) : -1;
  return (end < 0 ? kept : kept.slice(0, end + 1)).map((token) => ({ token, logit: logits[token] as number }));
};

const possible = (logits: Float64Array): number[] => {
  const tokens: number[] = [];
  for (let token = 0; token < logits.length; token++)
    if ((logits[token] as number) > Number.NEGATIVE_INFINITY) tokens.push(token);
  return tokens;
};

const sorted = (tokens: number[], logits: Float64Array): number[] =>
  tokens.sort((one, other) => (logits[other] as number) - (logits[one] as number) || one - other);

/** xoshiro128** (Blackman and Vigna 2018), its state filled from the seed by splitmix32; numbers from 0 up to 1 with 32 bits. */
const randomOf = (seed: number): (() => number) => {
  let fill = seed >>> 0;
  const state = Uint32Array.from({ length: 4 }, () => {
    fill = (fill + 0x9e3779b9) >>> 0;
    let z = fill;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  });
  const rotated = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;
  return () => {
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = (b << 9) >>> 0;
    const [c2, d2] = [(c ^ a) >>> 0, (d ^ b) >>> 0];
    state[1] = b ^ c2;
    state[0] = a ^ d2;
    state[2] = c2 ^ shifted;
    state[3] = rotated(d2, 11);
    return result / 2 ** 32;
  };
};

/** Seeds of the choices of one request: the first has the seed itself. */
export const choiceSeeds = (seed: number, choices: number): readonly number[] =>
  Array.from({ length: choices }, (_, choice) => (seed + Math.imul(choice, 0x9e3779b9)) >>> 0);
