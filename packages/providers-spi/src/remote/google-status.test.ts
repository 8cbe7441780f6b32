import { expect, it } from 'vitest';
import { googleNames, googleRetryAfter } from './google-status.ts';

const detail = (type: string, fields: object): object => ({
  '@type': `type.googleapis.com/google.rpc.${type}`,
  ...fields,
});

it('names an error by its reasons first, then by its canonical code', () => {
  const details = [detail('Help', { reason: 'no' }), detail('ErrorInfo', { reason: 'API_KEY_INVALID' }), 'odd'];
  expect(googleNames({ status: 'INVALID_ARGUMENT', details })).toEqual(['API_KEY_INVALID', 'INVALID_ARGUMENT']);
  expect(googleNames(undefined)).toEqual([undefined]);
});

it.each([
  ['34s', 34],
  ['0.25s', 0.25],
  ['86401s', undefined],
  ['34', undefined],
  ['-1s', undefined],
  [34, undefined],
  [undefined, undefined],
])('reads the delay %s as %s', (retryDelay, seconds) => {
  expect(googleRetryAfter({ details: [detail('RetryInfo', { retryDelay })] })).toBe(seconds);
  expect(googleRetryAfter({ details: { retryDelay } })).toBeUndefined();
});
