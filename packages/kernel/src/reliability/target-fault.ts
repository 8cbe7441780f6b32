import type { ErrorCode, GolekError } from '@golek/api';

/**
 * Codes that say that a target does not work. A fault of the request (`invalid_request`, `unsupported`, `context_length_exceeded` …) would let any client open a
 * breaker; a target that is busy (`overloaded`, `rate_limited`) works; one that is stopping (`shutting_down`) has not failed.
 */
const TARGET_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'provider_failed',
  'provider_denied',
  'provider_misconfigured',
  'engine_crashed',
  'model_load_failed',
  'insufficient_memory',
  'plugin_failed',
  'deadline_exceeded',
  'internal',
]);

/** True for a failure that speaks against the target: error rates and canaries count it. */
export const isTargetFault = ({ code }: GolekError): boolean => TARGET_FAULTS.has(code);

/** True for a failure that a breaker counts. The crash of an engine is not: its supervisor restarts it, spares it by a back-off of its own and says when to come back. */
export const countsInBreaker = (error: GolekError): boolean => isTargetFault(error) && error.code !== 'engine_crashed';
