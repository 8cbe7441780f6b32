import { loadOf } from '../target-state.ts';
import { byKey } from './by-key.ts';
import { nameOf, type Candidate, type Strategy } from './strategy.ts';

const loadText = ({ state: { inFlight, capacity } }: Candidate): string => `${inFlight} in flight of ${capacity}`;

/**
 * The less loaded of two targets that are drawn (power of two choices): unlike the least loaded of all it does not send every request that comes before
 * the next count to the same one. A sticky key has its own two.
 */
export const leastLoaded: Strategy = (candidates, { route, key, random }) => {
  const rest = key === undefined ? [...candidates] : byKey(candidates, route, key);
  const draw = (): Candidate | undefined =>
    key === undefined ? rest.splice(Math.floor(random() * rest.length), 1)[0] : rest.shift();
  const pair = [draw(), draw()].filter((candidate) => candidate !== undefined);
  const [first, second] = pair.sort((a, b) => loadOf(a.state) - loadOf(b.state));
  if (!first || !second) return { ordered: pair, reason: `${nameOf(first)} is the only one that can answer` };
  return {
    ordered: [first, second, ...rest.sort((a, b) => loadOf(a.state) - loadOf(b.state))],
    reason: `${nameOf(first)} with ${loadText(first)} against ${nameOf(second)} with ${loadText(second)}`,
  };
};
