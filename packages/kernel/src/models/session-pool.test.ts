import type { LifecycleEvent } from '@golek/api';
import type { Provider } from '@golek/providers-spi';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { ExtensionPoint } from '../extensions/extension-point.ts';
import { SessionPool } from './session-pool.ts';

const { signal } = new AbortController();

const fake = (model: FakeModel = {}) => fakeProvider({ models: { m: model } });

const poolOf = async (...providers: Provider[]) => {
  const point = new ExtensionPoint<Provider>('providers', providers);
  const events: LifecycleEvent[] = [];
  const pool = new SessionPool({ providers: point, events: { publish: (event) => void events.push(event) } });
  const source = { name: 'm', location: 'm' };
  const entry = { source, manifest: await fake().inspect(source, { signal }) };
  const swap = (remove: readonly Provider[], add: readonly Provider[]): Promise<void> =>
    point.commit(point.preview({ remove, add }));
  return { pool, entry, events, swap, point };
};

test('tells what happens to a model', async () => {
  const broken = fake({ load: { error: { code: 'insufficient_memory', message: 'full' } } });
  const { pool, entry, events, swap } = await poolOf(broken);
  await expect(pool.lease(entry, signal)).rejects.toThrow('full');
  await swap([broken], [fake()]);
  (await pool.lease(entry, signal)).release();
  await pool.unload('m', signal);
  const named = { model: 'm', provider: 'fake' };
  expect(events).toEqual([
    { type: 'model.loading', ...named },
    { type: 'model.failed', ...named, error: { code: 'insufficient_memory', message: 'full' } },
    { type: 'model.loading', ...named },
    { type: 'model.loaded', ...named, durationMs: expect.any(Number) },
    { type: 'model.unloaded', ...named, reason: 'requested' },
  ]);
});

test('health is told when its status changes', async () => {
  const told: ((status: 'ok' | 'down', reason?: string) => void)[] = [];
  const provider = fake();
  const telling: Provider = {
    id: provider.id,
    capabilities: provider.capabilities,
    inspect: (...given) => provider.inspect(...given),
    health: () => provider.health(),
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
    open: (source, options) => {
      told.push((status, reason) => options.onHealth?.({ status, ...(reason !== undefined && { reason }) }));
      return provider.open(source, options);
    },
  };
  const { pool, entry, events } = await poolOf(telling);
  await pool.lease(entry, signal);
  events.length = 0;
  told[0]?.('ok');
  told[0]?.('down', 'crashed');
  told[0]?.('down', 'crashed');
  told[0]?.('ok');
  expect(events.map((event) => (event.type === 'model.health' ? [event.status, event.reason] : []))).toEqual([
    ['down', 'crashed'],
    ['ok', undefined],
  ]);
});

test('a provider that is replaced while it loads: whoever waits gets the session of the new one', async () => {
  const slow = fake({ load: { steps: 100, stepMs: 50 } });
  const { pool, entry, swap } = await poolOf(slow);
  const waiting = [pool.lease(entry, signal), pool.lease(entry, signal)];
  await expect.poll(() => pool.status('m').state).toBe('loading');
  const quick = fake();
  await swap([slow], [quick]);
  const leases = await Promise.all(waiting);
  expect(slow.stats.openSessions).toBe(0);
  expect(quick.stats).toMatchObject({ opens: 1, openSessions: 1 });
  for (const lease of leases) lease.release();
});

test('a session in use outlives its provider; the change is complete when the last lease is given back', async () => {
  const old = fake();
  const { pool, entry, swap } = await poolOf(old);
  const lease = await pool.lease(entry, signal);
  let complete = false;
  const change = swap([old], [fake()]).then(() => (complete = true));
  const next = await pool.lease(entry, signal);
  expect(next.session).not.toBe(lease.session);
  expect([old.stats.openSessions, complete]).toEqual([1, false]);
  lease.release();
  await change;
  expect(old.stats.openSessions).toBe(0);
  next.release();
});

test('a provider that stays keeps its sessions when another comes and goes', async () => {
  const stays = fake();
  const other = fakeProvider({ id: 'other' });
  const { pool, entry, swap } = await poolOf(stays);
  const { session } = await pool.lease(entry, signal);
  await swap([], [other]);
  await swap([other], []);
  expect((await pool.lease(entry, signal)).session).toBe(session);
});

test('two providers of one id are refused, and nothing changes', async () => {
  const { point, entry, pool } = await poolOf(fake());
  expect(() => point.preview({ remove: [], add: [fake()] })).toThrow("two providers have the id 'fake'");
  await expect(pool.lease(entry, signal)).resolves.toBeDefined();
});

test('the end closes also what waits to be closed', async () => {
  const old = fake();
  const { pool, entry, swap } = await poolOf(old);
  await pool.lease(entry, signal);
  void swap([old], [fake()]);
  await pool[Symbol.asyncDispose]();
  expect(old.stats.openSessions).toBe(0);
});
