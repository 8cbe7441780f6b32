import type { ScoreWeights } from '@golek/api';
import { loadOf } from '../target-state.ts';
import { priceOf } from './lowest-cost.ts';
import { nameOf, shortNumber, type Candidate, type Strategy } from './strategy.ts';

const DEFAULT_WEIGHTS: ScoreWeights = { latency: 1, load: 1, errors: 2, cost: 1 };

const SHOWN = 4;

type Measure = (candidate: Candidate) => number;

/** Each measure from 0 (best) to 1 (the worst of these candidates). A rate of errors is between 0 and 1 already. */
const MEASURES: Readonly<Record<keyof ScoreWeights, { readonly of: Measure; readonly isShare?: true }>> = {
  latency: { of: ({ state }) => state.firstEventMs ?? 0 },
  load: { of: ({ state }) => loadOf(state) },
  errors: { of: ({ state }) => state.errorRate, isShare: true },
  cost: { of: ({ target }) => priceOf(target) },
};

/** The lowest weighted sum of normalised latency, load, error rate and cost. A target without a latency counts as fast, so that it is tried. */
export const scored: Strategy = (candidates, { score: weights = DEFAULT_WEIGHTS }) => {
  const measures = Object.entries(MEASURES).map(([name, { of, isShare }]) => {
    const values = candidates.map(of);
    return {
      name,
      values,
      worst: isShare ? 1 : Math.max(...values),
      weight: weights[name as keyof ScoreWeights],
    };
  });
  const scores = candidates.map((candidate, index) => {
    const parts = measures.map(({ name, values, worst, weight }) => ({
      name,
      part: worst === 0 ? 0 : (weight * (values[index] ?? 0)) / worst,
    }));
    return { candidate, parts, score: parts.reduce((sum, { part }) => sum + part, 0) };
  });
  scores.sort((a, b) => a.score - b.score);
  const text = ({ candidate, parts, score }: (typeof scores)[number]): string =>
    `${nameOf(candidate)} ${shortNumber(score)} (${parts.map(({ name, part }) => `${name} ${shortNumber(part)}`).join(', ')})`;
  return {
    ordered: scores.map(({ candidate }) => candidate),
    reason: `lowest score: ${scores.slice(0, SHOWN).map(text).join('; ')}`,
  };
};
