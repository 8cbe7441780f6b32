import { ExtensionPoint, ModelRegistry } from '@golek/kernel';
import { SILENT_LOG } from '@golek/plugins-api';
import { fakeProvider } from '@golek/providers-spi/testing';
import { resolveConfiguration } from '@golek/system';
import { expect, onTestFinished, test } from 'vitest';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { ModelCatalogue } from './model-catalogue.ts';
import { ModelFollower } from './model-follower.ts';
import { UpstreamLists } from './upstream-lists.ts';
import { upstreamStates } from './upstream-state.ts';

const { signal } = new AbortController();

test('a listed model that cannot be looked at is unusable until a later list finds it usable, or does not have it', async () => {
  const known: Record<string, object> = {};
  const many = Array.from({ length: 40 }, (_, index) => `model-${String(index).padStart(2, '0')}`);
  for (const name of many) known[name] = {};
  let listed = [...many, 'later', 'never'];
  const provider = Object.assign(fakeProvider({ id: 'farm', models: known }), {
    listModels: async () => listed.map((location) => ({ location })),
  });
  const registry = new ModelRegistry();
  const log = SILENT_LOG;
  const settings = { include: ['*'], exclude: [], prefix: '', refreshMs: 20, maxModels: 100, options: {} };
  const catalogue = new ModelCatalogue({ models: [], providers: [provider], registry, log });
  const lists = new UpstreamLists({ upstreams: [{ provider, settings }], log });
  const follower = new ModelFollower({
    models: [],
    catalogue,
    lists,
    sessions: { unload: async () => undefined },
    providers: new ExtensionPoint('providers', [provider]),
    configuration: resolveConfiguration({ sections: PLATFORM_SECTIONS }),
    file: undefined,
    log,
  });
  onTestFinished(async () => {
    await follower[Symbol.asyncDispose]();
    await lists[Symbol.asyncDispose]();
  });
  const state = () => upstreamStates(lists.states, follower.leftOut, catalogue.failed, registry.list()).upstreams[0];

  await follower.start(signal);
  expect(state()).toMatchObject({
    models: many,
    unusable: [{ model: 'later', error: { code: 'model_not_found' } }, { model: 'never' }],
  });
  known['later'] = {};
  await expect.poll(() => state()?.models).toContain('later');
  listed = ['later'];
  await expect.poll(state).toMatchObject({ models: ['later'], unusable: [] });
  expect(catalogue.failed).toEqual([]);
});
