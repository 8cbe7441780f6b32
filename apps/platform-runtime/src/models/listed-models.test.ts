import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GenerateRequest } from '@golek/api';
import { createCall } from '@golek/kernel';
import { CONFIGURATION_MANAGER, ENGINE, MODELS } from '@golek/system';
import { expect, onTestFinished, test } from 'vitest';
import { upstreamsCheck } from '../cli/doctor/upstreams-check.ts';
import { composeServer } from '../compose-server.ts';
import { loadSettings } from '../config/platform-config.ts';
import { HTTP_SERVER } from '../modules/http-module.ts';
import { listModels } from './list-models.ts';
import { startListingServer } from './listing-server.fixture.ts';

const { signal } = new AbortController();

const settingsOf = async (upstreams: readonly object[], more: Record<string, string> = {}) => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-listed-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  return loadSettings({
    environment: {
      GOLEK_HOME: home,
      GOLEK_HTTP_PORT: '0',
      GOLEK_LOG_LEVEL: 'silent',
      GOLEK_MODELS_BUNDLED: 'false',
      GOLEK_UPSTREAMS: JSON.stringify(upstreams),
      ...more,
    },
  });
};

const serve = async (...given: Parameters<typeof settingsOf>) => {
  const { system } = await composeServer(await settingsOf(...given));
  onTestFinished(() => system.stop());
  await system.start();
  const { url } = system.get(HTTP_SERVER).address;
  const read = async (route: string): Promise<unknown> => (await fetch(url + route)).json();
  return {
    system,
    names: () =>
      system
        .get(MODELS)
        .list()
        .map(({ source }) => source.name),
    set: (key: string, value: unknown) => system.get(CONFIGURATION_MANAGER).set(key, value, { signal }),
    upstreams: async () => ((await read('/admin/v1/upstreams')) as { upstreams: object[] }).upstreams,
    problems: async () => ((await read('/health/ready')) as { problems: object[] }).problems,
  };
};

const chat = (model: string): GenerateRequest => ({
  task: 'generate',
  model,
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }] },
});

test('models come and go as the service lists them; a request in progress ends with a model that is gone', async () => {
  await using farm = await startListingServer(['one', 'two', 'guard']);
  const models = { exclude: ['guard'], prefix: 'farm/', refreshMs: 1000, options: { contextLength: 4096 } };
  const { system, names, upstreams, problems } = await serve([{ id: 'farm', baseUrl: farm.url, models }]);
  expect(names()).toEqual(['farm/one', 'farm/two']);
  expect(system.get(MODELS).resolve('farm/one')?.manifest).toMatchObject({ source: 'one', contextLength: 4096 });

  const text: string[] = [];
  const run = system.get(ENGINE).run(createCall({ request: chat('farm/one'), signal }));
  for await (const event of run) {
    if (event.type !== 'text') continue;
    text.push(event.text);
    if (text.length > 1) continue;
    farm.models = ['three', 'two'];
    await expect.poll(names, { timeout: 10_000 }).toEqual(['farm/two', 'farm/three']);
    farm.release();
  }
  expect(text.join('')).toBe('one two');

  farm.models = undefined;
  await expect.poll(problems, { timeout: 10_000 }).toMatchObject([
    {
      part: 'upstream',
      name: 'farm',
      status: 'degraded',
      reason: expect.stringContaining('its list of models cannot be read'),
    },
  ]);
  expect(names()).toEqual(['farm/two', 'farm/three']);
  expect(await upstreams()).toMatchObject([
    { upstream: 'farm', models: ['farm/three', 'farm/two'], error: { code: 'provider_failed' } },
  ]);
});

test('models.list and routes keep their names, and give them back', async () => {
  await using farm = await startListingServer(['one', 'two', 'chat']);
  const { system, names, set, upstreams } = await serve([{ id: 'farm', baseUrl: farm.url, models: 'all' }], {
    GOLEK_ROUTES: JSON.stringify([{ name: 'chat', targets: [{ model: 'two' }] }]),
  });
  expect(names()).toEqual(['one', 'two']);
  await set('models.list', [{ name: 'one', provider: 'farm', model: 'special' }]);
  const locationOfOne = () => system.get(MODELS).resolve('one')?.source.location;
  await expect.poll(locationOfOne).toBe('special');
  expect(await upstreams()).toMatchObject([
    {
      models: ['two'],
      leftOut: [
        { model: 'chat', reason: expect.stringMatching(/^a route has its name; set 'models\.prefix'/) },
        { model: 'one', reason: expect.stringMatching(/^a model of 'models\.list' has its name/) },
      ],
    },
  ]);
  await set('routes', []);
  await expect.poll(names).toContain('chat');
  await set('models.list', []);
  await expect.poll(locationOfOne).toBe('one');
});

test('a model of this machine keeps its name before a listed one, and is back when models.list gives the name up', async () => {
  await using farm = await startListingServer(['golek-tiny']);
  const { system, set, upstreams } = await serve([{ id: 'farm', baseUrl: farm.url, models: 'all' }], {
    GOLEK_MODELS_BUNDLED: 'true',
  });
  const providerOf = () => system.get(MODELS).resolve('golek-tiny')?.manifest.provider;
  expect(providerOf()).toBe('gguf');
  expect(await upstreams()).toMatchObject([{ models: [], leftOut: [{ model: 'golek-tiny' }] }]);
  await set('models.list', [{ name: 'golek-tiny', provider: 'farm' }]);
  await expect.poll(providerOf).toBe('farm');
  await set('models.list', []);
  await expect.poll(providerOf).toBe('gguf');
});

test('a service that is away at the start stops nothing, and its models come when it does', async () => {
  await using farm = await startListingServer();
  const { names, problems } = await serve([{ id: 'farm', baseUrl: farm.url, models: 'all' }], {
    GOLEK_MODELS_DEFAULT: 'one',
  });
  expect(names()).toEqual([]);
  expect(await problems()).toMatchObject([{ part: 'upstream', name: 'farm' }]);
  farm.models = ['one'];
  await expect.poll(names, { timeout: 20_000 }).toEqual(['one']);
  expect(await problems()).toEqual([]);
});

test('an upstream that is not asked to serves no model by itself', async () => {
  await using farm = await startListingServer(['one']);
  const { names, upstreams } = await serve([{ id: 'farm', baseUrl: farm.url }]);
  expect(names()).toEqual([]);
  expect(await upstreams()).toEqual([]);
});

test('commands without a server know the listed models, and which service did not answer', async () => {
  await using farm = await startListingServer(['one', 'two']);
  await using away = await startListingServer();
  const settings = await settingsOf(
    [
      { id: 'farm', baseUrl: farm.url, models: { include: ['one'] } },
      { id: 'away', baseUrl: away.url, models: 'all' },
    ],
    { GOLEK_MODELS_DEFAULT: 'one' },
  );
  const known = await listModels(settings, signal);
  expect(known.models).toEqual([
    { source: { name: 'one', location: 'one', options: {} }, provider: 'farm', origin: 'discovered' },
  ]);
  expect(known.default).toBe('one');
  expect(known.notes).toEqual([expect.stringMatching(/^the models of the upstream 'away' are not known: /)]);
  const other = await settingsOf([{ id: 'away', baseUrl: away.url, models: 'all' }], { GOLEK_MODELS_DEFAULT: 'one' });
  await expect(listModels(other, signal)).rejects.toThrow(
    "'models.default' names 'one', which is no known model; known: none; not listed by: away, which did not answer",
  );
  const [check] = upstreamsCheck(settings);
  expect(await check?.run(signal)).toMatchObject({ status: 'warn', detail: expect.stringMatching(/^farm: 1 model; /) });
  away.models = ['three'];
  expect(await check?.run(signal)).toEqual({ status: 'ok', detail: 'farm: 1 model; away: 1 model' });
  expect(upstreamsCheck(await settingsOf([{ id: 'farm', baseUrl: farm.url }]))).toEqual([]);
});
