import { GolekError } from '@golek/api';
import {
  PHASE_ATTRIBUTES,
  type Handler,
  type Interceptor,
  type InterceptorContribution,
  type Log,
  type ObserverContribution,
  type PhaseContribution,
  type PhaseName,
} from '@golek/plugins-api';
import { traced } from '../telemetry/traced-interceptor.ts';
import { tolerant } from './tolerant-interceptor.ts';
import { retrying } from './retrying-interceptor.ts';

/**
 * Nesting, outermost first. The phases after PROVIDER_DISPATCH act on its events, so they wrap it: CLEANUP, OBSERVABILITY and AUDIT
 * wrap everything, because they also run for requests that an earlier phase refused; POST_PROCESSING wraps the dispatch alone.
 */
const NESTING: readonly PhaseName[] = [
  'CLEANUP',
  'OBSERVABILITY',
  'AUDIT',
  'PRE_VALIDATE',
  'VALIDATE',
  'AUTHORIZE',
  'ROUTE',
  'PRE_PROCESSING',
  'POST_PROCESSING',
  'PROVIDER_DISPATCH',
];

/** Phases whose interceptors see events on their way out, so that the first to run is the innermost. */
const OUTBOUND: ReadonlySet<PhaseName> = new Set(['POST_PROCESSING', 'AUDIT', 'OBSERVABILITY', 'CLEANUP']);

const guard = (contribution: InterceptorContribution, log: Log): Interceptor => {
  const attributes = PHASE_ATTRIBUTES[contribution.phase];
  const { name, critical = attributes.critical, retryable = attributes.retryable } = contribution;
  const intercept = traced(contribution);
  const tried = retryable ? retrying(intercept) : intercept;
  return critical ? tried : tolerant(name, tried, log);
};

/** What the engine runs for each call. */
export interface Pipeline {
  /** All interceptors around the dispatch. */
  readonly handler: Handler;
  /** All observers, in the order in which they are told. */
  readonly observers: readonly ObserverContribution[];
}

/**
 * Composes all contributions around `dispatch`, once. Throws `invalid_request` when two have the same name.
 */
export const composePhases = (contributions: readonly PhaseContribution[], dispatch: Handler, log: Log): Pipeline => {
  const names = new Set<string>();
  for (const { name, phase } of contributions) {
    if (names.has(name)) {
      throw new GolekError(
        'invalid_request',
        `two phase contributions are named '${name}' (phase ${phase}); rename one`,
      );
    }
    names.add(name);
  }
  const ordered = contributions.toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const interceptors = ordered.filter((contribution) => 'intercept' in contribution);
  let handler = dispatch;
  for (const phase of NESTING.toReversed()) {
    const inPhase = interceptors.filter((contribution) => contribution.phase === phase);
    for (const contribution of OUTBOUND.has(phase) ? inPhase : inPhase.reverse()) {
      handler = guard(contribution, log)(handler);
    }
  }
  return { handler, observers: ordered.filter((contribution) => 'observe' in contribution) };
};
