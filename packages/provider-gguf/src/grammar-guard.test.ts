import { expect, test } from 'vitest';
import { GrammarGuard } from './grammar-guard.ts';
import { failure } from './tiny-model.fixture.ts';

const never = new Promise<void>(() => undefined);
const MINUTE = 60_000;

const guardAt = (handover?: unknown): { guard: GrammarGuard; pass: (ms: number) => void } => {
  let now = 1_000_000;
  return { guard: new GrammarGuard(handover, () => now), pass: (ms) => void (now += ms) };
};

const refused = (guard: GrammarGuard, grammar: string, tenant: string, code: 'unsupported' | 'rate_limited') =>
  failure(() => guard.check(grammar, tenant), code);

test('a grammar that took too long is refused to everybody, for ten minutes', async () => {
  const { guard, pass } = guardAt();
  guard.check('g', 'a');
  guard.tookTooLong('g', 'a', never);
  await refused(guard, 'g', 'a', 'unsupported');
  await refused(guard, 'g', 'b', 'unsupported');
  pass(10 * MINUTE);
  guard.check('g', 'b');
});

test('one is a mistake; a tenant with more may for longer and longer use only what has worked', async () => {
  const { guard, pass } = guardAt();
  guard.hasWorked('good');
  // Four choices of one request are one.
  for (let i = 0; i < 4; i++) guard.tookTooLong('g1', 'a', never);
  guard.check('new', 'a');
  guard.tookTooLong('g2', 'a', never);
  expect((await refused(guard, 'new', 'a', 'rate_limited')).retryAfter).toBe(60);
  guard.check('good', 'a');
  guard.check('new', 'b');
  pass(MINUTE);
  guard.check('new', 'a');
  guard.tookTooLong('g3', 'a', never);
  pass(MINUTE);
  expect((await refused(guard, 'new', 'a', 'rate_limited')).retryAfter).toBe(60);
  for (let i = 4; i <= 8; i++) guard.tookTooLong(`g${i}`, 'a', never);
  expect((await refused(guard, 'good', 'a', 'rate_limited')).retryAfter).toBe(600);
  pass(10 * MINUTE);
  guard.check('new', 'a');
  pass(60 * MINUTE);
  guard.tookTooLong('g9', 'a', never);
  guard.check('new', 'a');
});

test('what worked and then took too long has not worked', async () => {
  const { guard } = guardAt();
  guard.hasWorked('g');
  guard.tookTooLong('g', 'a', never);
  await refused(guard, 'g', 'a', 'unsupported');
});

test('another process is wanted while a call goes on, and knows what this one knew', async () => {
  const { guard } = guardAt();
  expect(guard.recycle).toBeUndefined();
  const call = Promise.withResolvers<undefined>();
  guard.tookTooLong('g1', 'a', call.promise);
  guard.tookTooLong('g2', 'a', call.promise);
  const { recycle } = guard;
  expect(recycle?.reason).toContain('2');
  const { guard: next } = guardAt(guard.handover);
  expect(next.recycle).toBeUndefined();
  await refused(next, 'g1', 'b', 'unsupported');
  await refused(next, 'new', 'a', 'rate_limited');
  guard.tookTooLong('g3', 'a', call.promise);
  next.takeOver(guard.handover);
  await refused(next, 'g3', 'b', 'unsupported');
  expect((await refused(next, 'new', 'a', 'rate_limited')).retryAfter).toBe(120);
  call.resolve(undefined);
  await call.promise;
  expect(guard.recycle).toBeUndefined();
});

test('what it remembers is bounded', () => {
  const { guard } = guardAt();
  for (let i = 0; i < 2_000; i++) {
    guard.hasWorked(`w${i}`);
    guard.tookTooLong(`g${i}`, `t${i}`, never);
  }
  const { refused, worked, tenants } = guard.handover as Record<string, { readonly size: number }>;
  expect([refused?.size, worked?.size, tenants?.size]).toEqual([256, 256, 1_024]);
  guard.check('g0', 't0');
});
