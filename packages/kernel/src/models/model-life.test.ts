import { GolekError, type LifecycleEvent } from '@golek/api';
import type { Provider } from '@golek/providers-spi';
import { fakeProvider, type FakeModel, type FakeProviderOptions } from '@golek/providers-spi/testing';
import { describe, expect, test } from 'vitest';
import { ExtensionPoint } from '../extensions/extension-point.ts';
import { DEFAULT_LIFE_SETTINGS, type LifeSettings } from './model-life.ts';
import { SessionPool } from './session-pool.ts';

const { signal } = new AbortController();

const NAMES = ['a', 'b', 'c', 'd'];

interface Setup extends FakeProviderOptions {
  readonly life?: Partial<LifeSettings>;
  readonly remote?: readonly string[];
  /** In the place of a fake provider of its own. */
  readonly use?: Provider;
}

const poolOf = async ({ life, models = {}, remote = [], use: given, ...options }: Setup = {}) => {
  const all: Record<string, FakeModel> = { ...Object.fromEntries(NAMES.map((name) => [name, {}])), ...models };
  const provider = fakeProvider({ ...options, models: all });
  const events: LifecycleEvent[] = [];
  const pool = new SessionPool({
    providers: new ExtensionPoint<Provider>('providers', [given ?? provider]),
    events: { publish: (event) => void events.push(event) },
    failureMemoryMs: 0,
    life: { ...DEFAULT_LIFE_SETTINGS, ...life },
  });
  const entryOf = async (name: string) => {
    const source = { name, location: name };
    const manifest = await provider.inspect(source, { signal });
    return { source, manifest: remote.includes(name) ? { ...manifest, device: 'remote' as const } : manifest };
  };
  const lease = async (name: string, until = signal) => pool.lease(await entryOf(name), until);
  /** Uses a model for a moment. */
  const use = async (name: string): Promise<void> => (await lease(name)).release();
  const loaded = (): string[] => Object.keys(all).filter((name) => pool.status(name).state === 'ready');
  const unloads = () =>
    events.flatMap((event) => (event.type === 'model.unloaded' ? [[event.model, event.reason]] : []));
  return { pool, provider, lease, use, loaded, unloads, entryOf };
};

const keepAlive = (keepAliveMs: number, pinned = false) => ({ lifeOf: () => ({ keepAliveMs, pinned }) });
const sized = (memoryBytes: number): FakeModel => ({ memoryBytes });

describe('keep-alive', () => {
  test('an idle model goes after its time, counted from the end of its last run', async () => {
    const { pool, use, lease, loaded, unloads } = await poolOf({ life: keepAlive(60) });
    await use('a');
    const held = await lease('b');
    await expect.poll(loaded).toEqual(['b']);
    expect(unloads()).toEqual([['a', 'idle']]);
    held.release();
    expect(pool.status('b').unloadsInMs).toBeGreaterThan(30);
    await expect.poll(loaded).toEqual([]);
    await use('a');
    expect(loaded()).toEqual(['a']);
  });

  test('use starts the time anew', async () => {
    const { use, loaded } = await poolOf({ life: keepAlive(120) });
    for (let i = 0; i < 6; i++) {
      await use('a');
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(loaded()).toEqual(['a']);
  });

  test('0 unloads with the end of the last run, and one load still serves all who came at once', async () => {
    const { provider, lease, loaded } = await poolOf({ life: keepAlive(0), models: { a: { load: { stepMs: 5 } } } });
    const leases = await Promise.all(Array.from({ length: 20 }, () => lease('a')));
    expect(provider.stats.opens).toBe(1);
    for (const one of leases.slice(1)) one.release();
    expect(loaded()).toEqual(['a']);
    leases[0]?.release();
    expect(loaded()).toEqual([]);
    await expect.poll(() => provider.stats.openSessions).toBe(0);
  });

  test('a load that nobody waits for any more is not kept for ever', async () => {
    const { pool, lease, loaded } = await poolOf({ life: keepAlive(0), models: { a: { load: { stepMs: 20 } } } });
    const client = new AbortController();
    const asked = lease('a', client.signal);
    await expect.poll(() => pool.status('a').state).toBe('loading');
    client.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => pool.status('a').state).toBe('unloaded');
    expect(loaded()).toEqual([]);
  });

  test('for ever, remote and pinned models stay', async () => {
    const settings: Partial<LifeSettings> = {
      lifeOf: (model) => ({ keepAliveMs: model === 'a' ? Infinity : 1, pinned: model === 'b' }),
    };
    const { pool, use, loaded } = await poolOf({ life: settings, remote: ['c'] });
    for (const name of NAMES) await use(name);
    await expect.poll(loaded).toEqual(['a', 'b', 'c']);
    expect(pool.status('b')).toMatchObject({ pinned: true });
    expect(pool.status('b').unloadsInMs).toBeUndefined();
    await pool.unload('b', signal);
    expect(loaded()).toEqual(['a', 'c']);
  });

  test('who loads a model ahead may say how long it stays', async () => {
    const { pool, entryOf, use, loaded } = await poolOf({ life: keepAlive(1) });
    await pool.load(await entryOf('a'), signal, { keepAliveMs: Infinity });
    await use('b');
    await expect.poll(loaded).toEqual(['a']);
    await pool.unload('a', signal);
    await use('a');
    await expect.poll(loaded).toEqual([]);
  });

  test('a change counts for models that are loaded', async () => {
    const { pool, use, loaded } = await poolOf();
    await use('a');
    pool.configure({ ...DEFAULT_LIFE_SETTINGS, ...keepAlive(0) });
    await expect.poll(loaded).toEqual([]);
    pool.configure(DEFAULT_LIFE_SETTINGS);
    for (const name of NAMES) await use(name);
    pool.configure({ ...DEFAULT_LIFE_SETTINGS, maxLoaded: 2 });
    expect(loaded()).toEqual(['c', 'd']);
  });
});

describe('room', () => {
  test('beyond maxLoaded the least recently used idle one goes; those in use stay', async () => {
    const { use, lease, loaded, unloads } = await poolOf({ life: { maxLoaded: 2 } });
    const held = await lease('a');
    await use('b');
    await use('c');
    expect(loaded()).toEqual(['a', 'c']);
    await use('d');
    expect(unloads()).toEqual([
      ['b', 'evicted'],
      ['c', 'evicted'],
    ]);
    held.release();
    await use('d');
    await use('b');
    expect(loaded()).toEqual(['b', 'd']);
  });

  test('remote models need no place', async () => {
    const { use, loaded } = await poolOf({ life: { maxLoaded: 1 }, remote: ['b', 'c'] });
    for (const name of ['a', 'b', 'c']) await use(name);
    expect(loaded()).toEqual(['a', 'b', 'c']);
    await use('d');
    expect(loaded()).toEqual(['b', 'c', 'd']);
  });

  test('where all are in use, a load waits for one to become idle, and no longer than it is told', async () => {
    const { lease, loaded, provider } = await poolOf({ life: { maxLoaded: 1, roomWaitMs: 40 } });
    const held = await lease('a');
    await expect(lease('b')).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('a are in use'),
    });
    const waiting = lease('b');
    setTimeout(() => held.release(), 5);
    (await waiting).release();
    expect(loaded()).toEqual(['b']);
    expect(provider.stats.openSessions).toBe(1);
  });

  test('whoever leaves while it waits for room ends no wait of others', async () => {
    const { pool, lease } = await poolOf({ life: { maxLoaded: 1, roomWaitMs: 5_000 } });
    const held = await lease('a');
    const client = new AbortController();
    const left = lease('b', client.signal);
    const stays = lease('b');
    await expect.poll(() => pool.status('b').state).toBe('loading');
    client.abort();
    await expect(left).rejects.toThrow();
    held.release();
    (await stays).release();
  });

  test('a load that finds no memory has as many unloaded as it needs, and not one more', async () => {
    const models = { a: sized(30), b: sized(30), c: sized(30), d: sized(50) };
    const { use, loaded } = await poolOf({ models, machineBytes: 100 });
    for (const name of NAMES) await use(name);
    expect(loaded()).toEqual(['c', 'd']);
    await use('a');
    expect(loaded()).toEqual(['a', 'd']);
  });

  test('the same against a limit of its own', async () => {
    const models = { a: sized(30), b: sized(30), c: sized(50) };
    const { pool, use, loaded } = await poolOf({ models, life: { memoryBytes: 80 } });
    await use('a');
    await use('b');
    expect(pool.status('a').memoryBytes).toBe(30);
    await use('c');
    expect(loaded()).toEqual(['b', 'c']);
  });

  test('what can never fit costs nobody its place', async () => {
    const models = { a: sized(30), b: sized(30), c: sized(500) };
    const { use, loaded, lease } = await poolOf({ models, machineBytes: 100 });
    await use('a');
    await use('b');
    await expect(lease('c')).rejects.toMatchObject({ code: 'insufficient_memory' });
    expect(loaded()).toEqual(['a', 'b']);
  });

  test('pinned models and those in use are not unloaded for it', async () => {
    const models = { a: sized(40), b: sized(40), c: sized(40) };
    const lifeOf = (model: string) => ({ keepAliveMs: Infinity, pinned: model === 'a' });
    const { use, lease, loaded } = await poolOf({ models, machineBytes: 100, life: { lifeOf, roomWaitMs: 10 } });
    await use('a');
    const held = await lease('b');
    await expect(lease('c')).rejects.toMatchObject({ code: 'insufficient_memory' });
    held.release();
    await use('c');
    expect(loaded()).toEqual(['a', 'c']);
  });

  test('a provider that does not say how much is missing has one after the other unloaded', async () => {
    const models = { a: sized(30), b: sized(30), c: sized(30), d: sized(70) };
    const fake = fakeProvider({ models, machineBytes: 100 });
    const terse: Provider = {
      id: fake.id,
      capabilities: fake.capabilities,
      inspect: (...given) => fake.inspect(...given),
      health: () => fake.health(),
      open: (...given) =>
        fake.open(...given).catch(() => {
          throw new GolekError('insufficient_memory', 'full');
        }),
      [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
    };
    const { use, loaded } = await poolOf({ models, use: terse });
    for (const name of NAMES) await use(name);
    expect(loaded()).toEqual(['c', 'd']);
  });

  test('loads of different models come one after the other: none sees memory that another is about to take', async () => {
    const slow = { memoryBytes: 60, load: { steps: 2, stepMs: 5 } };
    const { lease, loaded, provider } = await poolOf({
      models: { a: slow, b: slow, c: slow },
      machineBytes: 100,
      life: { roomWaitMs: 1_000 },
    });
    const used = ['a', 'b', 'c'].map(async (name) => (await lease(name)).release());
    await Promise.all(used);
    expect(loaded()).toEqual(['c']);
    expect(provider.stats).toMatchObject({ opens: 3, openSessions: 1 });
  });

  test('a thousand uses of more models than there is room for leave no more than fit', async () => {
    const { use, loaded, provider, pool } = await poolOf({ life: { maxLoaded: 2, roomWaitMs: 5_000 } });
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 50; i++) {
          await use(NAMES[Math.floor(random() * NAMES.length)] ?? 'a');
          expect(loaded().length).toBeLessThanOrEqual(2);
        }
      }),
    );
    expect(provider.stats.openSessions).toBeLessThanOrEqual(2);
    await pool[Symbol.asyncDispose]();
    expect(provider.stats.openSessions).toBe(0);
    expect(provider.stats.opens).toBe(provider.stats.disposals);
  });

  test('the end of the runtime ends a wait for room', async () => {
    const { pool, lease } = await poolOf({ life: { maxLoaded: 1, roomWaitMs: 60_000 } });
    await lease('a');
    const waiting = expect(lease('b')).rejects.toMatchObject({ code: 'shutting_down' });
    await expect.poll(() => pool.status('b').state).toBe('loading');
    await pool[Symbol.asyncDispose]();
    await waiting;
  });
});
