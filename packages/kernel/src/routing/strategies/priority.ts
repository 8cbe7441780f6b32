import { nameOf, type Strategy } from './strategy.ts';

/** Lower priority numbers first; equal ones in the order in which they are written. */
export const byPriority: Strategy = (candidates) => {
  const ordered = candidates.toSorted((a, b) => a.target.priority - b.target.priority);
  const [first] = ordered;
  return { ordered, reason: `${nameOf(first)} is first with the priority ${first?.target.priority ?? 0}` };
};

/** What the caller asked for; the plan has left nothing else. */
export const userSelected: Strategy = (candidates) => ({
  ordered: candidates,
  reason: `${nameOf(candidates[0])} is the first of the ${candidates.length} selected`,
});
