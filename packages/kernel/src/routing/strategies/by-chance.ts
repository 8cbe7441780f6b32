import { byKey, byWeight } from './by-key.ts';
import { nameOf, shortNumber, type Candidate, type Ordering, type Strategy } from './strategy.ts';

const stuck = (candidates: readonly Candidate[], route: string, key: string): Ordering => {
  const ordered = byKey(candidates, route, key);
  return { ordered, reason: `${nameOf(ordered[0])} belongs to the sticky key` };
};

/** Each target in turn. */
export const roundRobin: Strategy = (candidates, { route, key, turn }) => {
  if (key !== undefined) return stuck(candidates, route, key);
  const start = turn() % candidates.length;
  return {
    ordered: [...candidates.slice(start), ...candidates.slice(0, start)],
    reason: `${nameOf(candidates[start])} is in turn, ${start + 1} of ${candidates.length}`,
  };
};

/** Each target with its part of the weights. */
export const weighted: Strategy = (candidates, { route, key, random }) => {
  const weightOf = ({ target }: Candidate): number => target.weight;
  const ordered = key === undefined ? byWeight(candidates, weightOf, random) : byKey(candidates, route, key, weightOf);
  const sum = candidates.reduce((total, { target }) => total + target.weight, 0);
  const [first] = ordered;
  const by = key === undefined ? 'drawn' : 'chosen by the sticky key';
  return {
    ordered,
    reason: `${nameOf(first)} was ${by} with the weight ${shortNumber(first?.target.weight ?? 0)} of ${shortNumber(sum)}`,
  };
};

/** Any target, each as likely. */
export const atRandom: Strategy = (candidates, { route, key, random }) => {
  if (key !== undefined) return stuck(candidates, route, key);
  const ordered = byWeight(candidates, () => 1, random);
  return { ordered, reason: `${nameOf(ordered[0])} was drawn among ${candidates.length}` };
};
