import type { SessionCapabilities } from '@golek/providers-spi';
import type { RouteTable } from './route-table.ts';
import type { TargetState } from './target-state.ts';
import type { TargetStats } from './target-stats.ts';

/** What the plan knows of the moment, beside request and catalogue. */
export interface RoutingView {
  /** Milliseconds of `performance.now()`. */
  now(): number;
  /** How a model does; undefined before it was ever a target. */
  state(model: string): TargetState | undefined;
  /** What a model can do, once it was opened. */
  capabilities(model: string): SessionCapabilities | undefined;
  /** Why a model should be asked last, e.g. that its breaker is open. */
  blocked(model: string): string | undefined;
  /** 0 to 1, 1 excluded. */
  random(): number;
  /** Counts up by one with each request to the route. */
  turn(route: string): number;
}

export interface RoutingViewParts {
  readonly routes: Pick<RouteTable, 'turn'>;
  /** Absent: nothing is known of the targets. */
  readonly stats?: Pick<TargetStats, 'of' | 'capabilities'>;
  /** Absent: no target is blocked. */
  readonly blocked?: (model: string) => string | undefined;
}

/** The view of a running kernel. */
export const routingView = ({ routes, stats, blocked = () => undefined }: RoutingViewParts): RoutingView => ({
  now: () => performance.now(),
  state: (model) => stats?.of(model),
  capabilities: (model) => stats?.capabilities(model),
  blocked,
  random: Math.random,
  turn: (route) => routes.turn(route),
});
