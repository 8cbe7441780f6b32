import { expect, it } from 'vitest';
import { retryAfterOf } from './retry-after.ts';

const NOW = Date.parse('Sun, 22 Nov 2026 12:00:00 GMT');

it.each([
  [{ 'retry-after': '7' }, 7],
  [{ 'retry-after': '0.5' }, 0.5],
  [{ 'retry-after': ' 3 ' }, 3],
  [{ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30],
  [{ 'retry-after': 'Sunday, 22-Nov-26 12:00:30 GMT' }, 30],
  [{ 'retry-after': 'Sun, 22 Nov 2026 11:59:00 GMT' }, 0],
  [{ 'retry-after-ms': '250', 'retry-after': '9' }, 0.25],
  [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9],
  [{ 'retry-after': '-1' }, undefined],
  [{ 'retry-after': '2026' }, 2026],
  [{ 'retry-after': '999999999' }, undefined],
  [{ 'retry-after': 'Mon, 22 Nov 2027 12:00:00 GMT' }, undefined],
  [{ 'retry-after': 'tomorrow' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{}, undefined],
])('%j is %s', (headers, seconds) => {
  expect(retryAfterOf(headers, NOW)).toBe(seconds);
});
