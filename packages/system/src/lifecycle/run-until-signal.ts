import { constants } from 'node:os';
import type { Log } from '@golek/plugins-api';
import type { System } from '../system.ts';

export interface RunUntilSignalOptions {
  readonly log: Log;
  /** Called when everything runs. */
  readonly onRunning?: () => void;
  /** Called once, at the first signal: take no more work and wait for what is in progress, with a limit of its own. */
  readonly onDrain: (signal: NodeJS.Signals) => Promise<void>;
}

/** The longest interval that timers know. */
const LONG_MS = 2 ** 31 - 1;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const satisfies NodeJS.Signals[];

/** Exit code of a process that a signal ended, as shells give it: 130 for SIGINT, 143 for SIGTERM. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/**
 * Starts a system and runs it until SIGTERM or SIGINT; then drains and stops it. A second signal ends the process at once with 128 + its number, an
 * uncaught error with 1. Throws what `start` throws.
 * @returns the exit code: 0, or 1 when draining or stopping failed.
 */
export const runUntilSignal = async (
  system: System,
  { log, onRunning, onDrain }: RunUntilSignalOptions,
): Promise<number> => {
  const asked = Promise.withResolvers<NodeJS.Signals>();
  const starting = new AbortController();
  let first = true;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!first) {
      log.warn({ signal }, 'second signal: ending at once');
      process.exit(signalExitCode(signal));
    }
    first = false;
    starting.abort(new Error(`${signal} while the system started`));
    asked.resolve(signal);
  };
  const onUncaught = (err: unknown): void => {
    log.error({ err }, 'uncaught error: the process ends');
    process.exit(1);
  };
  // Handlers of signals do not keep a process alive, and a system need not have a socket that does.
  const alive = setInterval(() => undefined, LONG_MS);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  try {
    try {
      await system.start({ signal: starting.signal });
    } catch (thrown) {
      if (starting.signal.aborted) return 0;
      throw thrown;
    }
    onRunning?.();
    const signal = await asked.promise;
    log.info({ signal }, 'stopping: no new requests');
    return await drainAndStop(system, () => onDrain(signal), log);
  } finally {
    clearInterval(alive);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
  }
};

const drainAndStop = async (system: System, drain: () => Promise<void>, log: Log): Promise<number> => {
  let code = 0;
  for (const [what, step] of [
    ['draining', drain],
    ['stopping', () => system.stop()],
  ] as const) {
    try {
      await step();
    } catch (err) {
      log.error({ err }, `${what} failed`);
      code = 1;
    }
  }
  log.info({}, 'stopped');
  return code;
};
