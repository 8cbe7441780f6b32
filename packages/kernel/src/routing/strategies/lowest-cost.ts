import type { RouteTarget } from '@golek/api';
import { loadOf } from '../target-state.ts';
import { nameOf, shortNumber, type Candidate, type Strategy } from './strategy.ts';

/** Prices are compared for a request of three prompt tokens to each token of the answer: the real numbers are known only afterwards. */
const PROMPT_PART = 0.75;

/** Price of a million tokens in that mix. */
export const priceOf = ({ cost: { input, output } }: RouteTarget): number =>
  PROMPT_PART * input + (1 - PROMPT_PART) * output;

/** The cheapest target; of several, the least loaded. */
export const lowestCost: Strategy = (candidates) => {
  const ordered = candidates.toSorted(
    (a, b) => priceOf(a.target) - priceOf(b.target) || loadOf(a.state) - loadOf(b.state),
  );
  const text = (candidate: Candidate): string =>
    `${nameOf(candidate)} costs ${shortNumber(priceOf(candidate.target))} per million tokens`;
  return { ordered, reason: ordered.slice(0, 2).map(text).join(', ') };
};
