import { GolekError } from '@golek/api/plain';
import type { Answer } from './engine-process.ts';

/** How an engine process ended. */
export interface EngineExit {
  readonly pid: number;
  /** Exit code; null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the supervisor ended it, when it did. */
  readonly reason: string | undefined;
  /** The last lines that it printed. */
  readonly output: readonly string[];
}

/** `was killed by SIGSEGV`, `ended with exit code 3`, `was ended because it did not answer for 60000 ms`. */
export const describeExit = ({ code, signal, reason }: EngineExit): string => {
  if (reason !== undefined) return `was ended because ${reason}`;
  if (signal === 'SIGKILL') return 'was killed by SIGKILL, as the system does when memory is short';
  return signal === null ? `ended with exit code ${code ?? 'unknown'}` : `was killed by ${signal}`;
};

/** Facts of an exit for an error's details. */
export const exitDetails = ({ pid, code, signal }: EngineExit): Record<string, unknown> => ({
  pid,
  ...(code !== null && { exitCode: code }),
  ...(signal !== null && { signal }),
});

/**
 * The error of a start or load that did not work. The last output is part of it: nobody's prompt has reached a process that has not
 * loaded its model.
 */
export const engineFailure = (answer: Answer, what: string): GolekError => {
  if (answer.type === 'failed') return GolekError.fromData(answer.error);
  if (answer.type !== 'exit') return new GolekError('internal', `${what}: unexpected answer '${answer.type}'`);
  const { exit } = answer;
  return new GolekError('model_load_failed', `${what}: process ${exit.pid} ${describeExit(exit)}`, {
    details: { ...exitDetails(exit), output: exit.output },
  });
};
