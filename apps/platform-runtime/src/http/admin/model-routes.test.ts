import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { golekTiny } from '@golek/model-tiny';
import { CONFIGURATION_MANAGER, EVENTS } from '@golek/system';
import { expect, onTestFinished, test } from 'vitest';
import { composeServer } from '../../compose-server.ts';
import { loadSettings } from '../../config/platform-config.ts';
import { ModelState, ModelStates } from '../../models/model-state.ts';
import { HTTP_SERVER } from '../../modules/http-module.ts';

const { signal } = new AbortController();

/** A server with three models, which are one file. */
const started = async (environment: Record<string, string> = {}) => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-model-life-'));
  const models = ['a', 'b', 'c'].map((name) => ({ name, path: golekTiny.path, pinned: name === 'c' }));
  const settings = await loadSettings({
    environment: {
      GOLEK_HOME: home,
      GOLEK_HTTP_PORT: '0',
      GOLEK_LOG_LEVEL: 'silent',
      GOLEK_GGUF_THREADS: '1',
      GOLEK_GGUF_ISOLATION: 'in-process',
      GOLEK_MODELS_BUNDLED: 'false',
      GOLEK_MODELS_LIST: JSON.stringify(models),
      ...environment,
    },
  });
  const { system } = await composeServer(settings);
  onTestFinished(async () => {
    await system.stop();
    await rm(home, { recursive: true, force: true });
  });
  await system.start();
  const { url } = system.get(HTTP_SERVER).address;
  const unloaded: string[][] = [];
  system.get(EVENTS).subscribe(
    ({ event }) => {
      if (event.type === 'model.unloaded') unloaded.push([event.model, event.reason]);
    },
    ['model.unloaded'],
  );
  const ask = async (method: string, place: string, body?: unknown) => {
    const response = await fetch(`${url}/admin/v1/models${place}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const states = async (): Promise<ModelStates> => ModelStates.parse((await ask('GET', '')).body);
  const loaded = async (): Promise<string[]> =>
    (await states()).models.filter(({ state }) => state === 'ready').map(({ name }) => name);
  return { ask, states, loaded, unloaded, system };
};

test('models are loaded and unloaded by hand, and seen', { timeout: 60_000 }, async () => {
  const { ask, states, loaded, unloaded } = await started();
  expect(await loaded()).toEqual([]);
  const first = ModelState.parse((await ask('POST', '/a/load')).body);
  expect(first).toMatchObject({ name: 'a', provider: 'gguf', state: 'ready', inUse: 0, pinned: false });
  expect(first.memoryBytes).toBeGreaterThan(5_000_000);
  await ask('POST', '/b/load', { keepAlive: '1h' });
  await ask('POST', '/c/load');
  const { models, memory } = await states();
  expect(models.map(({ name, pinned }) => [name, pinned])).toEqual([
    ['a', false],
    ['b', false],
    ['c', true],
  ]);
  expect(models[0]?.unloadsInMs).toBeUndefined();
  expect(models[1]?.unloadsInMs).toBeGreaterThan(3_000_000);
  expect(memory.usedBytes).toBe(models.reduce((sum, model) => sum + (model.memoryBytes ?? 0), 0));
  expect(memory.limitBytes).toBeGreaterThan(memory.usedBytes);
  expect((await ask('POST', '/c/unload')).body).toMatchObject({ state: 'unloaded' });
  expect(await loaded()).toEqual(['a', 'b']);
  expect(unloaded).toEqual([['c', 'requested']]);
});

test('bounds change while the server works', { timeout: 60_000 }, async () => {
  const { ask, states, loaded, unloaded, system } = await started({ GOLEK_MODELS_MAX_LOADED: '2' });
  for (const name of ['c', 'a', 'b']) await ask('POST', `/${name}/load`);
  expect(await loaded()).toEqual(['b', 'c']);
  const manager = system.get(CONFIGURATION_MANAGER);
  await manager.set('models.maxLoaded', 1, { signal });
  await expect.poll(loaded).toEqual(['c']);
  expect((await states()).maxLoaded).toBe(1);
  const refused = await ask('POST', '/a/load');
  expect(refused).toMatchObject({ status: 503, body: { error: { code: 'overloaded' } } });
  await manager.set('models.maxLoaded', 3, { signal });
  expect((await ask('POST', '/a/load')).status).toBe(200);
  await manager.set('models.keepAlive', '0', { signal });
  await expect.poll(loaded).toEqual(['c']);
  await expect
    .poll(() => unloaded)
    .toEqual([
      ['a', 'evicted'],
      ['b', 'evicted'],
      ['a', 'idle'],
    ]);
  expect((await states()).memory.limitBytes).toBeGreaterThan(0);
  await manager.set('models.memoryLimitBytes', 1_000_000, { signal });
  expect((await ask('POST', '/b/load')).body).toMatchObject({ error: { code: 'insufficient_memory' } });
});

test('mistakes are told', { timeout: 60_000 }, async () => {
  const { ask } = await started();
  expect((await ask('POST', '/d/load')).body).toMatchObject({ error: { code: 'model_not_found' } });
  expect((await ask('POST', '/a/load', { keepAlive: 'soon' })).body).toMatchObject({
    error: { code: 'invalid_request', message: expect.stringContaining("'soon' is no keep-alive time") },
  });
  expect((await ask('POST', '/a/load', { keepalive: 1 })).body).toMatchObject({ error: { code: 'unknown_parameter' } });
});
