import { collect, type GenerateRequest } from '@golek/api';
import { startFaultyUpstream } from '@golek/faulty-upstream';
import { createCall } from '@golek/kernel';
import { SILENT_LOG } from '@golek/plugins-api';
import { CONFIGURATION_MANAGER, ENGINE, MODELS, resolveConfiguration } from '@golek/system';
import { expect, onTestFinished, test } from 'vitest';
import { PLATFORM_SECTIONS } from '../config/platform-config.ts';
import { createPlatform } from '../platform.ts';
import { configuredModels } from './configured-models.ts';

const { signal } = new AbortController();

const chat = (model: string): GenerateRequest => ({
  task: 'generate',
  model,
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'hello there' }] }] },
});

test('models of upstreams follow models.list while the platform works', async () => {
  await using upstream = await startFaultyUpstream();
  const text = JSON.stringify({
    upstreams: [{ id: 'loop', baseUrl: upstream.url, apiKey: 'env:KEY', headers: { 'x-team': 'env:TEAM' } }],
    models: { bundled: false, list: [{ name: 'one', provider: 'loop', model: 'gpt-1' }] },
  });
  const configuration = resolveConfiguration({
    sections: PLATFORM_SECTIONS,
    file: { path: 'golek.yaml', text },
    environment: { KEY: 'sk-from-environment', TEAM: 'kites' },
  });
  const models = configuredModels(configuration, undefined);
  const { system } = createPlatform({ configuration, log: SILENT_LOG, models, isolation: 'in-process' });
  onTestFinished(() => system.stop());
  await system.start();
  const ask = async (model: string) =>
    (await collect(system.get(ENGINE).run(createCall({ request: chat(model), signal })))).choices[0]?.text;
  const names = () =>
    system
      .get(MODELS)
      .list()
      .map(({ source }) => source.name);

  expect(upstream.count).toBe(0);
  expect(await ask('one')).toBe('hello there');
  expect(upstream.calls[0]).toMatchObject({
    headers: { authorization: 'Bearer sk-from-environment', 'x-team': 'kites' },
    body: { model: 'gpt-1' },
  });

  const manager = system.get(CONFIGURATION_MANAGER);
  const list = [
    { name: 'one', provider: 'loop', model: 'gpt-2', options: { body: { tier: 'flex' } } },
    { name: 'two', provider: 'loop', model: 'gpt-3' },
    { name: 'lost', provider: 'nobody' },
  ];
  await manager.set('models.list', list, { signal });
  await expect.poll(names).toEqual(['one', 'two']);
  // The session of the old settings is closed behind the change.
  await expect
    .poll(async () => {
      await ask('one');
      return upstream.calls.at(-1)?.body;
    })
    .toMatchObject({ model: 'gpt-2', tier: 'flex' });
  expect(await ask('two')).toBe('hello there');
  await expect(ask('lost')).rejects.toThrow("names the provider 'nobody', which there is not");

  await manager.set('models.list', [list[1]], { signal });
  await expect.poll(names).toEqual(['two']);
  await expect(ask('one')).rejects.toMatchObject({ code: 'model_not_found' });
});

test('a model names a file or a provider, and not both', () => {
  const withList = (list: unknown) => () =>
    resolveConfiguration({ sections: PLATFORM_SECTIONS, environment: { GOLEK_MODELS_LIST: JSON.stringify(list) } });
  expect(withList([{ name: 'a' }])).toThrow("a model needs 'path' (a file) or 'provider' (an upstream), and not both");
  expect(withList([{ name: 'a', path: 'x', provider: 'y' }])).toThrow('and not both');
  expect(withList([{ name: 'a', path: 'x', model: 'y' }])).toThrow("'model' goes with 'provider'");
});
