import { fractionOf } from '../consistent-hash.ts';
import type { Candidate } from './strategy.ts';

/**
 * Candidates in the order of `-ln(u) / weight`, with a number `u` between 0 and 1 for each: with random numbers a target is first with exactly its part of
 * the weights (Efraimidis and Spirakis 2006). A weight of 0 goes last.
 */
export const byWeight = (
  candidates: readonly Candidate[],
  weightOf: (candidate: Candidate) => number,
  numberOf: (candidate: Candidate) => number,
): Candidate[] =>
  candidates
    .map((candidate) => ({ candidate, rank: -Math.log(numberOf(candidate) || Number.MIN_VALUE) / weightOf(candidate) }))
    .sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
    .map(({ candidate }) => candidate);

/** The key's own order of the targets (rendezvous hashing): a target that comes or goes moves only the keys that were or will be its own. */
export const byKey = (
  candidates: readonly Candidate[],
  route: string,
  key: string,
  weightOf: (candidate: Candidate) => number = () => 1,
): Candidate[] => byWeight(candidates, weightOf, ({ target }) => fractionOf(`${route}\n${target.model}\n${key}`));
