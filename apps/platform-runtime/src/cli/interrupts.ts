import { GolekError } from '@golek/api';
import { signalExitCode } from '@golek/system';

/** The wish of the user to end a command. */
export interface Interrupts extends Disposable {
  /** Aborted at the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Exit code for the signal that came; undefined when none did. */
  readonly exitCode: number | undefined;
}

export const watchInterrupts = (): Interrupts => {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const code = signalExitCode(signal);
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
    controller.abort(new GolekError('cancelled', `ended by ${signal}`));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: () => {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    },
  };
};
