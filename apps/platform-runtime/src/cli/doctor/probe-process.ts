import { fork } from 'node:child_process';
import { once } from 'node:events';
import { GolekError, type ErrorData } from '@golek/api';

type Answer<T> = { readonly report: T } | { readonly error: ErrorData };

/** Asks native code in a child process, by a module beside this one. Rejects when the process ends without an answer; `what` is the code, for the message. */
export const probeProcess = async <T>(
  module: string,
  what: string,
  words: readonly string[],
  signal: AbortSignal,
): Promise<T> => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const child = fork(new URL(`./${module}.${extension}`, import.meta.url), words, {
    signal,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = once(child, 'exit').then(([code, by]: unknown[]) => {
    throw new GolekError('engine_crashed', `the process that loaded ${what} ended with ${String(by ?? code)}`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [Answer<T>];
  ended.catch(() => undefined);
  if ('error' in answer) throw GolekError.fromData(answer.error);
  return answer.report;
};

/** The child's side: answers with what `report` gives or throws. */
export const answerProbe = async (report: () => unknown): Promise<void> => {
  const answer = await Promise.resolve()
    .then(report)
    .then(
      (given) => ({ report: given }),
      (thrown: unknown) => ({ error: GolekError.from(thrown).toJSON() }),
    );
  process.send?.(answer);
  process.disconnect?.();
};
