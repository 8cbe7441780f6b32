import { nameOf, shortNumber, type Candidate, type Strategy } from './strategy.ts';

/** What is known of an idle target counts half after so long: a slow one that became fast is found again. */
const HALF_LIFE_MS = 15_000;

/**
 * Milliseconds to rank by. A target without a figure is tried at once, but by one request at a time: until that one has an answer it goes last. An old
 * figure fades in the same way, so that at most one request at a time finds out.
 */
const estimate = ({ state: { firstEventMs, inFlight, lastAt } }: Candidate, now: number): number => {
  if (firstEventMs === undefined) return inFlight === 0 ? 0 : Number.POSITIVE_INFINITY;
  return inFlight > 0 ? firstEventMs : firstEventMs * 0.5 ** ((now - lastAt) / HALF_LIFE_MS);
};

/** The target whose first event came soonest of late. */
export const lowestLatency: Strategy = (candidates, { now }) => {
  const ranked = candidates
    .map((candidate) => ({ candidate, ms: estimate(candidate, now) }))
    .sort((a, b) => (a.ms === b.ms ? 0 : a.ms - b.ms));
  const ordered = ranked.map(({ candidate }) => candidate);
  const [first, second] = ordered;
  const text = ({ state: { firstEventMs } }: Candidate): string =>
    firstEventMs === undefined ? 'not tried yet' : `${shortNumber(firstEventMs)} ms to the first event`;
  if (!first || !second) return { ordered, reason: `${nameOf(first)} is the only one that can answer` };
  const isTrial = (first.state.firstEventMs ?? -1) > (second.state.firstEventMs ?? Number.POSITIVE_INFINITY);
  const against = isTrial ? 'is tried again after a pause, it had' : 'has';
  return {
    ordered,
    reason: `${nameOf(first)} ${against} ${text(first)}, ${nameOf(second)} has ${text(second)}`,
  };
};
