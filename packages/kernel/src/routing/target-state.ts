/** How a model does, as far as this process saw it. */
export interface TargetState {
  /** Attempts in progress, those that wait for a place included. */
  readonly inFlight: number;
  /** Runs that it works on at once; 1 until it was opened. */
  readonly capacity: number;
  /** Moving average of the time from the place to the first event, milliseconds; absent before the first one. */
  readonly firstEventMs: number | undefined;
  /** Moving average of whole attempts, milliseconds. */
  readonly durationMs: number | undefined;
  /** Attempts of the last minute that say something about the target. */
  readonly attempts: number;
  /** Part of these that failed by the target's own fault, 0 to 1. */
  readonly errorRate: number;
  /** When the last attempt ended, milliseconds of `performance.now()`; 0 before the first. */
  readonly lastAt: number;
}

/** A target that nothing is known of. */
export const UNKNOWN_STATE: TargetState = Object.freeze({
  inFlight: 0,
  capacity: 1,
  firstEventMs: undefined,
  durationMs: undefined,
  attempts: 0,
  errorRate: 0,
  lastAt: 0,
});

/** How full a target is: 1 when all its places are taken, more when requests wait. */
export const loadOf = ({ inFlight, capacity }: TargetState): number => inFlight / capacity;
