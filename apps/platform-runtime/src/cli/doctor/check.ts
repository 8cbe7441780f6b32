import { GolekError } from '@golek/api';

export type CheckStatus = 'ok' | 'warn' | 'fail';

/** What was found out. */
export interface Finding {
  readonly status: CheckStatus;
  /** What is so, with the values. */
  readonly detail: string;
  /** What to do about it; absent when it is fine. */
  readonly remedy?: string;
}

export interface CheckResult extends Finding {
  readonly name: string;
}

/** Something that has to be so for Golek to work here. */
export interface Check {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<Finding>;
}

const LIMIT_MS = 60_000;

export const ok = (detail: string): Finding => ({ status: 'ok', detail });
export const warn = (detail: string, remedy: string): Finding => ({ status: 'warn', detail, remedy });
export const fail = (detail: string, remedy: string): Finding => ({ status: 'fail', detail, remedy });

/** Runs a check within a minute; one that throws has failed. */
export const runCheck = async ({ name, run }: Check, signal: AbortSignal): Promise<CheckResult> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    return { name, ...(await run(limit)) };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = GolekError.from(thrown);
    return { name, ...fail(`${error.message} [${error.code}]`, error.action) };
  }
};
