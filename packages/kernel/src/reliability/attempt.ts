import type { GolekError } from '@golek/api';
import type { InferenceCall, RoutingTarget } from '@golek/plugins-api';

/** One try of a call on one target. */
export interface Attempt {
  readonly target: RoutingTarget;
  /** Tries of the call that were let through to a target, this one included; a refused one has the number that it would have had. */
  readonly attempt: number;
  /** It runs beside an earlier one that is still in progress. */
  readonly hedge: boolean;
  /** `performance.now()` when the target was chosen: waiting for a place follows. */
  readonly startedAt: number;
}

/**
 * `answered`: the stream ended well. `failed`: the target's fault, or the request's own. `refused`: never reached the target (breaker open, no place). `abandoned`:
 * the caller left or the other one of a hedged pair was faster; says nothing about the target.
 */
export type AttemptOutcome = 'answered' | 'failed' | 'refused' | 'abandoned';

/** How an attempt ended. */
export interface AttemptRecord extends Attempt {
  readonly outcome: AttemptOutcome;
  /** Present when it failed or was refused. */
  readonly error?: GolekError;
  /** Time that it waited for a place, milliseconds. */
  readonly queuedMs: number;
  /** From the place to the first event, milliseconds; includes the load of a model that was not loaded. Absent when no event came. */
  readonly firstEventMs?: number;
  /** From `startedAt` to the end, milliseconds. */
  readonly durationMs: number;
  /** As the target's usage says. */
  readonly completionTokens?: number;
}

/** Told of every attempt of every call. Each `begin` is followed by exactly one `end`. What it throws is logged and changes nothing. */
export interface AttemptObserver {
  begin?(call: InferenceCall, attempt: Attempt): void;
  end?(call: InferenceCall, record: AttemptRecord): void;
}
