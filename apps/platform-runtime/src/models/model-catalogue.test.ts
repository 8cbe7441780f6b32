import { ModelRegistry } from '@golek/kernel';
import { SILENT_LOG, type Log } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { expect, test } from 'vitest';
import { ModelCatalogue } from './model-catalogue.ts';
import type { PlatformModel } from './platform-model.ts';

const { signal } = new AbortController();

const model = (name: string, location = 'a.fake', provider?: string): PlatformModel => ({
  source: { name, location },
  ...(provider !== undefined && { provider }),
});

const catalogueOf = async (
  models: readonly PlatformModel[],
  { files = { 'a.fake': {}, 'b.fake': {} }, log = SILENT_LOG }: { files?: Record<string, object>; log?: Log } = {},
) => {
  const registry = new ModelRegistry();
  const provider = fakeProvider({ models: files });
  const catalogue = new ModelCatalogue({ models, providers: [provider], registry, log });
  await catalogue.load(signal);
  return {
    registry,
    catalogue,
    provider,
    names: () => registry.list().map(({ source }) => [source.name, source.location]),
  };
};

test('models come, change and go while others stay', async () => {
  const { catalogue, names } = await catalogueOf([model('one'), model('two')]);
  expect(await catalogue.add([model('one'), model('two', 'b.fake'), model('three')], signal)).toEqual(['two']);
  expect(names()).toEqual([
    ['one', 'a.fake'],
    ['two', 'b.fake'],
    ['three', 'a.fake'],
  ]);
  expect([await catalogue.remove('one'), await catalogue.remove('one')]).toEqual([true, false]);
  expect(names()).toHaveLength(2);
});

test('a model that cannot be used is among the failed until it can, and serves no request with its old settings', async () => {
  const { catalogue, names } = await catalogueOf([model('one')]);
  await catalogue.add([model('one', 'none.fake')], signal);
  expect(names()).toEqual([]);
  expect(catalogue.failureOf('one')?.code).toBe('model_not_found');
  await catalogue.add([model('one', 'b.fake')], signal);
  expect(names()).toEqual([['one', 'b.fake']]);
  expect(catalogue.failed).toEqual([]);
});

test('one that could not be used is looked at again when it is added again; the same reason is told once', async () => {
  const told: unknown[] = [];
  const files: Record<string, object> = {};
  const { catalogue, names } = await catalogueOf([model('one')], {
    files,
    log: { ...SILENT_LOG, warn: (fields) => told.push(fields) },
  });
  await catalogue.add([model('one')], signal);
  expect([catalogue.failed.length, told.length]).toEqual([1, 1]);
  files['a.fake'] = {};
  await catalogue.add([model('one')], signal);
  expect(names()).toEqual([['one', 'a.fake']]);
  expect(catalogue.failed).toEqual([]);
});

test('a name that a route has keeps only its own model out', async () => {
  const { catalogue, registry, names } = await catalogueOf([model('one')]);
  registry.alias('taken', 'one');
  await catalogue.add([model('taken'), model('two')], signal);
  expect(names().map(([name]) => name)).toEqual(['one', 'two']);
  expect(catalogue.failureOf('taken')?.code).toBe('conflict');
});

test('a model waits for the provider that it names', async () => {
  const { catalogue, names, provider } = await catalogueOf([
    model('one', 'gpt', 'later'),
    model('two', 'gpt', 'never'),
  ]);
  expect(catalogue.failed.map(({ error }) => error.code)).toEqual(['unsupported', 'unsupported']);
  await catalogue.useProviders([provider, fakeProvider({ id: 'later', models: { gpt: {} } })], signal);
  expect(names()).toEqual([['one', 'gpt']]);
  expect(catalogue.failed.map(({ model: { source } }) => source.name)).toEqual(['two']);
});
