import { GolekError } from '@golek/api';
import type { Behaviour } from '@golek/faulty-upstream';
import { expect, it } from 'vitest';
import { createOpenAiProvider } from './index.ts';
import { bench, chat, contextOf } from './upstream.fixture.ts';

const KEYS = ['key-number-one', 'key-number-two', 'key-number-three'];

const LIMITED: Behaviour = { kind: 'status', status: 429, retryAfter: '600', type: 'rate_limit_error' };
const DENIED: Behaviour = { kind: 'status', status: 401, code: 'invalid_api_key', message: 'wrong key-number-one' };

const failureOf = async (work: Promise<unknown>): Promise<GolekError> =>
  GolekError.from(
    await work.then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    ),
  );

const pool = async (models: Readonly<Record<string, Behaviour>> = {}) => {
  const opened = await bench({ apiKeys: KEYS, apiKey: undefined } as object, models);
  const keys = (): (string | undefined)[] =>
    opened.upstream.calls.map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
  return { ...opened, keys };
};

it('keys are used in turn', async () => {
  const { ask, keys } = await pool();
  for (let index = 0; index < 4; index++) await ask('m');
  expect(keys()).toEqual([...KEYS, KEYS[0]]);
});

it.each([
  ['limited', LIMITED],
  ['refused', DENIED],
  ['used up', { kind: 'status', status: 429, code: 'insufficient_quota' } as const],
  ['not paid', { kind: 'status', status: 402 } as const],
])('a key that is %s rests, and its request goes on with the next one', async (_what, behaviour) => {
  const { ask, upstream, keys } = await pool();
  upstream.script(behaviour);
  const { choices } = await ask('m', chat('hello there'));
  expect(choices[0]?.text).toBe('hello there');
  await ask('m');
  await ask('m');
  expect(keys()).toEqual([KEYS[0], KEYS[1], KEYS[2], KEYS[1]]);
});

it('a key that is refused for one model only does not rest', async () => {
  const { ask, upstream, keys } = await pool();
  upstream.script({ kind: 'status', status: 403 });
  await ask('m');
  await ask('m');
  await ask('m');
  expect(keys()).toEqual([KEYS[0], KEYS[1], KEYS[2], KEYS[0]]);
});

it('a limit of one model is none of another', async () => {
  const { ask, upstream, keys } = await pool({ limited: { kind: 'ok' }, free: { kind: 'ok' } });
  upstream.script(LIMITED, LIMITED, LIMITED);
  expect((await failureOf(ask('limited'))).code).toBe('rate_limited');
  await ask('free');
  expect(keys()).toEqual([...KEYS, KEYS[0]]);
});

it('when all rest, requests are refused with the time of the first that comes back, and nothing is sent', async () => {
  const { ask, upstream } = await pool();
  upstream.script(LIMITED, { ...LIMITED, retryAfter: '60' }, LIMITED);
  const first = await failureOf(ask('m'));
  expect([first.code, first.retryAfter]).toEqual(['rate_limited', 600]);
  const second = await failureOf(ask('m'));
  expect(second.code).toBe('rate_limited');
  expect(second.message).toMatch(
    /^upstream 'faulty' has refused each of its 3 keys; the first is tried again in (59|60) s/,
  );
  expect(second.retryAfter).toBeGreaterThan(50);
  expect(second.retryAfter).toBeLessThanOrEqual(60);
  expect(upstream.count).toBe(3);
});

it('a key comes back after the time that the service named', async () => {
  const { ask, upstream, keys } = await pool();
  upstream.script({ ...LIMITED, retryAfter: '0' });
  await ask('m');
  await ask('m');
  await ask('m');
  expect(keys()).toEqual([KEYS[0], KEYS[1], KEYS[2], KEYS[0]]);
});

it('what is not about a key is not tried with another one', async () => {
  const { ask, upstream } = await pool();
  for (const status of [400, 404, 500, 503]) {
    upstream.script({ kind: 'status', status });
    await failureOf(ask('m'));
  }
  expect(upstream.count).toBe(4);
});

it('each key is tried once at most, and none is in a message', async () => {
  const { ask, upstream } = await pool();
  upstream.script(...Array.from({ length: 9 }, () => DENIED));
  const error = await failureOf(ask('m'));
  expect(error.code).toBe('provider_denied');
  expect(upstream.count).toBe(3);
  const again = await failureOf(ask('m'));
  expect(again.code).toBe('provider_denied');
  expect(upstream.count).toBe(3);
  for (const { message, details } of [error, again])
    expect(JSON.stringify([message, details])).not.toContain('key-number');
});

it('a single key never rests', async () => {
  const { ask, upstream } = await bench();
  upstream.script(LIMITED, DENIED);
  expect((await failureOf(ask('m'))).code).toBe('rate_limited');
  expect((await failureOf(ask('m'))).code).toBe('provider_denied');
  await ask('m');
  expect(upstream.count).toBe(3);
});

it('gives the slot of its connection back exactly once', async () => {
  const only = { apiKeys: KEYS, apiKey: undefined, connections: 1, queueLimit: 0 } as object;
  const { ask, open, upstream } = await bench(only, { held: { kind: 'stall', at: 2 } });
  upstream.script(LIMITED, LIMITED, { kind: 'reset', at: 'before-headers' });
  expect((await failureOf(ask('m'))).code).toBe('provider_failed');
  const session = await open('held');
  const held = session.run(chat('a b c'), contextOf())[Symbol.asyncIterator]();
  await held.next();
  expect((await failureOf(ask('m'))).code).toBe('overloaded');
  await held.return?.();
});

it.each([
  [{ apiKeys: [] }, 'apiKeys'],
  [{ apiKeys: ['a', ''] }, 'apiKeys'],
  [{ apiKeys: ['a'], apiKey: 'b' }, 'apiKeys'],
])('%j is refused', (options, key) => {
  expect(() => createOpenAiProvider({ baseUrl: 'http://127.0.0.1:9/v1', ...options })).toThrow(
    expect.objectContaining({ code: 'config_invalid', details: { key } }),
  );
});
