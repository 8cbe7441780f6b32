import type { RouteTarget, ScoreWeights } from '@golek/api';
import type { TargetState } from '../target-state.ts';

/** A target that can answer the request. */
export interface Candidate {
  readonly target: RouteTarget;
  readonly provider: string;
  readonly state: TargetState;
}

/** What a strategy may use beside the targets. */
export interface OrderContext {
  readonly route: string;
  readonly score: ScoreWeights | undefined;
  /** Requests with the same key get the same order, where the strategy leaves a choice. */
  readonly key: string | undefined;
  /** Milliseconds of `performance.now()`. */
  readonly now: number;
  /** 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Counts up by one with each request to the route. */
  readonly turn: () => number;
}

/** All candidates, best first, and why the first one is the first. */
export interface Ordering {
  readonly ordered: readonly Candidate[];
  readonly reason: string;
}

/** Orders one or more candidates. Pure but for the random source and the turn that it is given. */
export type Strategy = (candidates: readonly Candidate[], context: OrderContext) => Ordering;

/** `0.33`, `12.5`, `300`: three digits at most, for reasons. */
export const shortNumber = (value: number): string =>
  String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

export const nameOf = (candidate: Candidate | undefined): string => `'${candidate?.target.model ?? ''}'`;
