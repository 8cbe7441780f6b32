import type { GuardState } from '@golek/kernel';
import type { HealthProblem } from '../http/index.ts';

/** Targets that are being spared now. */
export const openBreakers = (states: readonly GuardState[]): readonly HealthProblem[] =>
  states
    .filter(({ breaker }) => breaker.state !== 'closed')
    .map(({ model, breaker: { state, lastError } }) => ({
      part: 'target',
      name: model,
      status: state === 'open' ? 'down' : 'degraded',
      reason: `its breaker is ${state}${lastError ? `; last failure: ${lastError.code}` : ''}`,
    }));
