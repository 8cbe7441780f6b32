import { GolekError, type InferenceEvent, type RouteTaken } from '@golek/api';
import { expect, test } from 'vitest';
import { routeOfError, routeOfStart } from './route-header.ts';

const start = (route: Partial<RouteTaken>): Extract<InferenceEvent, { type: 'start' }> => ({
  type: 'start',
  model: 'llama-a',
  provider: 'p',
  route: { name: 'chat', reasons: [], failed: [], ...route },
});

test('one line with what led to the target', () => {
  expect(routeOfStart({ type: 'start', model: 'm', provider: 'p' })).toBeUndefined();
  expect(routeOfStart(start({}))).toBe('chat; target=llama-a');
  expect(
    routeOfStart(
      start({
        strategy: 'weighted',
        reasons: ['weight 3 of 4', 'llama-b failed'],
        failed: [{ model: 'llama-b', provider: 'q', code: 'rate_limited' }],
      }),
    ),
  ).toBe(
    'chat; target=llama-a; strategy=weighted; failed=llama-b:rate_limited; reason="weight 3 of 4 | llama-b failed"',
  );
});

test('is bounded, and names cannot break out of it', () => {
  const failed = Array.from({ length: 50 }, (_, index) => ({ model: `m${index}`, provider: 'p', code: 'overloaded' }));
  const text = routeOfStart(start({ name: 'a"b;c,d\r\nx: é', reasons: ['x'.repeat(10_000)], failed })) ?? '';
  expect(text.startsWith('a_b_c_d__x: _; target=')).toBe(true);
  expect(text).toContain('failed=42 more,m42:overloaded,');
  expect(text.length).toBeLessThan(1_000);
});

test('of an error: the targets that were tried', () => {
  const attempts = [
    { model: 'a', provider: 'p', code: 'overloaded' },
    { model: 'b', provider: 'p', code: 'provider_failed' },
  ];
  expect(routeOfError(new GolekError('overloaded', 'no', { details: { attempts } }))).toBe(
    'failed=a:overloaded,b:provider_failed',
  );
  expect(routeOfError(new GolekError('overloaded', 'no', { details: { attempts: 'x' } }))).toBeUndefined();
  expect(routeOfError(new GolekError('overloaded', 'no'))).toBeUndefined();
});
