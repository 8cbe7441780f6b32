import { GolekError } from '@golek/api/plain';

/** Bounds of supervised engine processes. Times in milliseconds. */
export interface IsolationLimits {
  /** From the fork until the child has imported the provider's module. */
  readonly startMs: number;
  /** One `inspect`; a longer one is a hostile or broken file. */
  readonly inspectMs: number;
  /** The child that inspects files ends after this long without work. */
  readonly inspectIdleMs: number;
  /** A child whose event loop answers nothing for this long is killed and restarted. */
  readonly hangMs: number;
  /** Time for a child to release its model before it is terminated. */
  readonly disposeMs: number;
  /** Delay before the second restart in a row (the first is immediate); doubles with each further one. */
  readonly restartDelayMs: number;
  /** Longest delay between restarts. */
  readonly restartMaxDelayMs: number;
  /** A child that was ready for this long starts the delays from the beginning. */
  readonly stableMs: number;
  /** A run waits for a restart that is due within this time, and fails at once when it is further away. */
  readonly restartWaitMs: number;
  /** Least time from one replacement of a worn engine, one that asks to be recycled, to the next. */
  readonly recycleMs: number;
  /** The runs of a worn engine may go on for this long beside the engine that replaces it. */
  readonly drainMs: number;
  /** Events of one run that may be on their way to the consumer; the child stops producing there. */
  readonly windowEvents: number;
  /** Runs of one model in hand or waiting; more are refused with `overloaded`. */
  readonly maxRuns: number;
  /** Size of one request or event that may cross the process border. */
  readonly maxMessageBytes: number;
}

export const DEFAULT_ISOLATION_LIMITS: IsolationLimits = Object.freeze({
  startMs: 30_000,
  inspectMs: 30_000,
  inspectIdleMs: 5_000,
  hangMs: 60_000,
  disposeMs: 10_000,
  restartDelayMs: 250,
  restartMaxDelayMs: 30_000,
  stableMs: 60_000,
  restartWaitMs: 2_000,
  recycleMs: 30_000,
  drainMs: 120_000,
  windowEvents: 32,
  maxRuns: 1_024,
  maxMessageBytes: 256 * 1024 * 1024,
});

/** The defaults with the given limits in their place. Throws `config_invalid` for one that is not a positive number. */
export const isolationLimits = (given: Partial<IsolationLimits> = {}): IsolationLimits => {
  for (const [name, value] of Object.entries(given)) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new GolekError('config_invalid', `isolation limit '${name}' is ${value}; it has to be a number above 0`);
  }
  return { ...DEFAULT_ISOLATION_LIMITS, ...given };
};
