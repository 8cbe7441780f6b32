import { GolekError } from '@golek/api/plain';

/** The error of a run or load whose signal was aborted: what its `reason` says, `cancelled` where that says nothing. */
export const abortError = (signal: AbortSignal): GolekError => GolekError.from(signal.reason, 'cancelled');

/** Throws `abortError` when the signal is aborted. */
export const throwIfAborted = (signal: AbortSignal): void => {
  if (signal.aborted) throw abortError(signal);
};
