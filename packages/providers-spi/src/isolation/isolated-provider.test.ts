import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { IsolatedFake, isAlive } from '../fixtures/isolated-fake.ts';
import type { Provider } from '../index.ts';
import { isolatedProvider, type IsolatedProviderOptions } from './isolated-provider.ts';

const { signal } = new AbortController();
const used: AsyncDisposable[] = [];

const isolated = (...options: ConstructorParameters<typeof IsolatedFake>): IsolatedFake => {
  const fake = new IsolatedFake(...options);
  used.push(fake);
  return fake;
};

const at = (location: string) => ({ name: 'm', location });

afterEach(async () => {
  for (const one of used.splice(0)) await one[Symbol.asyncDispose]();
});

/** What ends the process that reads a file, and how the error tells it. */
const CRASHES: readonly (readonly [location: string, details: object])[] = [
  ['abort', { signal: 'SIGABRT' }],
  ['exit-3', { exitCode: 3 }],
  ['throw', { exitCode: 1, output: expect.arrayContaining([expect.stringContaining('thrown outside of any call')]) }],
  ['last-words', { exitCode: 7, output: ['the last words of the engine'] }],
];

describe('inspect', () => {
  it.each(CRASHES)('says model_invalid when the file does "%s" to its reader', async (location, details) => {
    const { provider } = isolated();
    await expect(provider.inspect(at(location), { signal })).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringContaining(`'${location}'`),
      details: { location, pid: expect.any(Number), ...details },
    });
    await expect(provider.inspect(at('contract'), { signal })).resolves.toMatchObject({ format: 'fake' });
  });

  it('says model_invalid for a file that keeps its reader too long', async () => {
    const { provider } = isolated({}, { inspectMs: 500 });
    const started = provider.inspect(at('busy'), { signal });
    await expect(started).rejects.toMatchObject({ code: 'model_invalid', message: expect.stringContaining('500 ms') });
    await expect(provider.inspect(at('contract'), { signal })).resolves.toMatchObject({ name: 'm' });
  });

  it('blames no file for the crash of another one', async () => {
    const { provider } = isolated();
    const locations = ['contract', 'abort', 'contract', 'exit-3', 'nowhere', 'contract'];
    const outcomes = await Promise.allSettled(locations.map((location) => provider.inspect(at(location), { signal })));
    const codes = outcomes.map((o) => (o.status === 'rejected' ? (o.reason as { code: string }).code : 'read'));
    expect(codes).toEqual(['read', 'model_invalid', 'read', 'model_invalid', 'model_not_found', 'read']);
  });

  it('uses one process, which ends when it has nothing to do', async () => {
    const fake = isolated({}, { inspectIdleMs: 300 });
    for (let i = 0; i < 3; i++) await fake.provider.inspect(at('contract'), { signal });
    await vi.waitFor(() => expect(fake.children()).toMatchObject([{ inspections: 3 }]));
    await vi.waitFor(() => expect(fake.children()).toEqual([]), 10_000);
    await fake.provider.inspect(at('contract'), { signal });
    await vi.waitFor(() => expect(fake.children()).toMatchObject([{ inspections: 1 }]));
  });

  it('ends with its signal, while it works and while it waits', async () => {
    const fake = isolated();
    const client = new AbortController();
    const working = fake.provider.inspect(at('idle'), { signal: client.signal });
    const waiting = fake.provider.inspect(at('contract'), { signal: client.signal });
    const outcomes = Promise.allSettled([working, waiting]);
    await vi.waitFor(() => expect(fake.children()).toHaveLength(1), 10_000);
    client.abort();
    expect(await outcomes).toMatchObject([{ reason: { code: 'cancelled' } }, { reason: { code: 'cancelled' } }]);
    expect(fake.children()).toEqual([]);
    await expect(fake.provider.inspect(at('contract'), { signal })).resolves.toMatchObject({ name: 'm' });
  });
});

describe('open', () => {
  it.each(CRASHES)('says model_load_failed when the file does "%s" to the engine', async (location, details) => {
    const fake = isolated();
    await expect(fake.provider.open(at(location), { signal })).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringContaining(`'m'`),
      details,
    });
    expect(fake.children()).toEqual([]);
  });

  it('is ended by its signal even when the engine is busy', async () => {
    const fake = isolated();
    const client = new AbortController();
    const opening = fake.provider.open(at('busy'), { signal: client.signal });
    await vi.waitFor(() => expect(fake.children()).toHaveLength(1), 10_000);
    const pid = fake.children()[0]?.pid ?? 0;
    client.abort();
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
    expect(isAlive(pid)).toBe(false);
  });

  it('is ended when the provider is closed', async () => {
    const fake = isolated();
    const opening = fake.provider.open(at('idle'), { signal });
    const outcome = expect(opening).rejects.toMatchObject({ code: 'shutting_down' });
    await vi.waitFor(() => expect(fake.children()).toHaveLength(1), 10_000);
    await fake.provider[Symbol.asyncDispose]();
    await outcome;
    expect(fake.children()).toEqual([]);
  });

  it('takes one process for each model', async () => {
    const fake = isolated();
    await Promise.all(['a', 'b', 'c'].map((name) => fake.provider.open({ ...at('contract'), name }, { signal })));
    await vi.waitFor(() => expect(fake.children().map(({ opens }) => opens)).toEqual([1, 1, 1]));
  });

  it('fails without a restart when the first load crashes', async () => {
    const fake = isolated();
    writeFileSync(fake.crashSwitch, '');
    const outcome = expect(fake.provider.open(at('contract'), { signal })).rejects;
    await outcome.toMatchObject({ code: 'model_load_failed', details: { exitCode: 9 } });
    expect(fake.logged.filter(({ message }) => message.includes('restart'))).toEqual([]);
  });

  it('tells the progress of the load', async () => {
    const seen: number[] = [];
    await isolated().provider.open(at('contract'), { signal, onProgress: (fraction) => seen.push(fraction) });
    expect(seen).toEqual([0.25, 0.5, 0.75, 1]);
  });
});

describe('a provider that cannot start', () => {
  const provider = (changes: Partial<IsolatedProviderOptions>): Provider => {
    const made = isolatedProvider({
      id: 'fake',
      capabilities: { tasks: ['generate'], formats: ['fake'] },
      module: new URL('../fixtures/engine-in-child.ts', import.meta.url),
      exportName: 'makeEngine',
      ...changes,
    });
    used.push(made);
    return made;
  };

  it.each<[string, Partial<IsolatedProviderOptions>, string]>([
    ['a module that is not there', { module: '/nowhere/engine.js' }, '/nowhere/engine.js'],
    ['an export that is not there', { exportName: 'makeNothing' }, `exports no function 'makeNothing'`],
    ['a provider with another id', { exportName: 'makeOther' }, `'makeOther' made the provider 'other', not 'fake'`],
    ['options that cannot be cloned', { options: { model: () => 'a function' } }, 'could not be cloned'],
    [
      'a start that takes too long',
      { exportName: 'makeNever', limits: { startMs: 1_000 } },
      'did not start within 1000 ms',
    ],
  ])('says why: %s', async (_, changes, message) => {
    const opening = provider(changes).open(at('contract'), { signal });
    await expect(opening).rejects.toMatchObject({
      code: 'model_load_failed',
      message: expect.stringContaining(message),
    });
  });

  it('refuses a module that cannot be imported and a limit that limits nothing', () => {
    expect(() => provider({ module: 'some-package' })).toThrow(`import.meta.resolve('some-package')`);
    expect(() => provider({ limits: { hangMs: 0 } })).toThrow(`'hangMs' is 0`);
  });
});
