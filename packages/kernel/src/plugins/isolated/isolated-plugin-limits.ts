import { GolekError } from '@golek/api';

/** Bounds of a plugin in a process of its own. Times in milliseconds. */
export interface IsolatedPluginLimits {
  /** From the start of the process until the plugin is set up. */
  readonly startMs: number;
  /** One change of a request or of a batch of events, from the moment the plugin begins with it. */
  readonly transformMs: number;
  /** One request to a route of the plugin. */
  readonly routeMs: number;
  /** One question to an authenticator or to the health check. */
  readonly checkMs: number;
  /** One batch of telemetry. */
  readonly exportMs: number;
  /** Time for the plugin's `onStop` before its process is killed. */
  readonly stopMs: number;
  /** A process whose event loop answers nothing for this long is killed and restarted. */
  readonly hangMs: number;
  /** Longest wait of a call until the plugin begins with it; calls of a plugin whose restart is further away fail at once. */
  readonly waitMs: number;
  /** Delay before the second restart in a row (the first is immediate); doubles with each further one. */
  readonly restartDelayMs: number;
  readonly restartMaxDelayMs: number;
  /** A process that was ready for this long starts the delays from the beginning. */
  readonly stableMs: number;
  /** Largest message in either direction: a request, a batch of events, a route's body. */
  readonly maxMessageBytes: number;
  /** Calls in hand or waiting; more are refused with `overloaded`. */
  readonly maxCalls: number;
  /** Messages per second that answer nothing, such as log lines; more end the process. */
  readonly maxUnasked: number;
  /** Events of one answer that wait for the plugin; the model is not read further meanwhile. */
  readonly windowEvents: number;
  /** Limit of V8's heap, MiB. The whole process is killed at twice this and 128 MiB more (Linux). */
  readonly memoryMb: number;
}

export const DEFAULT_ISOLATED_PLUGIN_LIMITS: IsolatedPluginLimits = Object.freeze({
  startMs: 10_000,
  transformMs: 1_000,
  routeMs: 10_000,
  checkMs: 1_000,
  exportMs: 10_000,
  stopMs: 2_000,
  hangMs: 3_000,
  waitMs: 8_000,
  restartDelayMs: 250,
  restartMaxDelayMs: 30_000,
  stableMs: 60_000,
  maxMessageBytes: 8 * 1024 * 1024,
  maxCalls: 256,
  maxUnasked: 200,
  windowEvents: 64,
  memoryMb: 128,
});

/** The defaults with the given limits in their place. Throws `config_invalid` for one that is not a positive number. */
export const isolatedPluginLimits = (given: Partial<IsolatedPluginLimits> = {}): IsolatedPluginLimits => {
  for (const [name, value] of Object.entries(given)) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new GolekError('config_invalid', `plugin limit '${name}' is ${value}; it has to be a number above 0`);
  }
  return { ...DEFAULT_ISOLATED_PLUGIN_LIMITS, ...given };
};
