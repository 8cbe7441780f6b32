import { expect, it } from 'vitest';
import { PHASES, PHASE_ATTRIBUTES, SILENT_LOG } from './index.ts';

it('gives every phase its attributes, and no other', () => {
  expect(Object.keys(PHASE_ATTRIBUTES)).toEqual([...PHASES]);
});

it('lets the phases after the dispatch that account for requests see those that failed before it', () => {
  const onError = PHASES.filter((phase) => PHASE_ATTRIBUTES[phase].runsOnError);
  expect(onError).toEqual(['AUDIT', 'OBSERVABILITY', 'CLEANUP']);
  expect(PHASES.indexOf('PROVIDER_DISPATCH')).toBeLessThan(PHASES.indexOf('AUDIT'));
});

it('never lets a refusal be skipped: what decides about a request is critical', () => {
  for (const phase of ['PRE_VALIDATE', 'VALIDATE', 'AUTHORIZE', 'ROUTE', 'AUDIT'] as const) {
    expect(PHASE_ATTRIBUTES[phase].critical).toBe(true);
  }
});

it('has a log that takes everything and says nothing', () => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(SILENT_LOG[level]({}, 'x')).toBeUndefined();
});
