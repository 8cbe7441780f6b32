import type { AttemptRecord } from '../reliability/attempt.ts';
import { isTargetFault } from '../reliability/target-fault.ts';

/**
 * True when the target failed, false when it did its part, undefined when the attempt says nothing about it: it was never reached, the caller left, or the
 * request itself was at fault.
 */
export const faultOf = ({ outcome, error }: Pick<AttemptRecord, 'outcome' | 'error'>): boolean | undefined => {
  if (outcome === 'answered') return false;
  return outcome === 'failed' && error && isTargetFault(error) ? true : undefined;
};
