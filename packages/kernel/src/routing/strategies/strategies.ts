import type { RoutingStrategy } from '@golek/api';
import { atRandom, roundRobin, weighted } from './by-chance.ts';
import { leastLoaded } from './least-loaded.ts';
import { lowestCost } from './lowest-cost.ts';
import { lowestLatency } from './lowest-latency.ts';
import { byPriority, userSelected } from './priority.ts';
import { scored } from './scored.ts';
import type { Strategy } from './strategy.ts';

export const STRATEGIES: Readonly<Record<RoutingStrategy, Strategy>> = {
  priority: byPriority,
  'round-robin': roundRobin,
  weighted,
  random: atRandom,
  'least-loaded': leastLoaded,
  'lowest-latency': lowestLatency,
  'lowest-cost': lowestCost,
  'user-selected': userSelected,
  scored,
};
