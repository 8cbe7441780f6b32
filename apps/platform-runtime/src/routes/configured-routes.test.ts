import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { EVENTS, MODELS, PROVIDERS, resolveConfiguration, type SystemModule } from '@golek/system';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { loadSettings } from '../config/platform-config.ts';
import { routesConfig } from '../config/routes-config.ts';
import { HTTP_SERVER, httpModule } from '../modules/http-module.ts';
import { createPlatform } from '../platform.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'golek-routes-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A platform with fake models that serves HTTP, in the data folder of the test. */
const start = async (models: Readonly<Record<string, FakeModel>>, yaml = '') => {
  const file = path.join(home, 'golek.yaml');
  await writeFile(file, yaml);
  const { configuration, store } = await loadSettings({ environment: { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0' } });
  const provider = fakeProvider({ models });
  const fake: SystemModule = {
    name: 'fake',
    register: (registrar) => registrar.contribute({ to: PROVIDERS, name: 'fake', create: () => provider }),
  };
  const { system } = createPlatform({
    configuration,
    live: { store, file },
    log: silent,
    models: [],
    isolation: 'in-process',
    server: httpModule,
    modules: [fake],
  });
  onTestFinished(() => system.stop());
  await system.start();
  const registry = system.get(MODELS);
  for (const name of Object.keys(models)) {
    const source = { name, location: name };
    registry.register({ source, manifest: await provider.inspect(source, { signal: AbortSignal.timeout(1000) }) });
  }
  const { url } = system.get(HTTP_SERVER).address;
  const send = async (method: string, at: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(url + at, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) as never };
  };
  const ask = (model: string, headers?: Record<string, string>, more: object = {}) =>
    send('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'hi' }], ...more }, headers);
  return { system, registry, send, ask, file, url };
};

const modelOf = ({ body }: { readonly body: { model?: unknown } }): unknown => body.model;

describe('routes of the configuration', () => {
  const yaml = (target: string) => `routes: [{ name: chat, targets: [{ model: ${target} }] }]\n`;

  test('are there at the start, and follow the file', async () => {
    const { ask, file } = await start({ a: {}, b: {} }, yaml('a'));
    expect(modelOf(await ask('chat'))).toBe('a');
    await writeFile(file, yaml('b'));
    await expect.poll(async () => modelOf(await ask('chat')), { timeout: 10_000 }).toBe('b');
  });

  test('with the name of a model are refused, and everything stays as it was', async () => {
    const { send, ask } = await start({ a: {}, b: {} }, yaml('a'));
    const named = { value: [{ name: 'b', targets: [{ model: 'a' }] }] };
    expect(await send('PUT', '/admin/v1/config/routes', named)).toMatchObject({
      status: 422,
      body: { error: { message: expect.stringContaining("a model is named 'b' already") } },
    });
    expect(modelOf(await ask('chat'))).toBe('a');
  });
});

test('a model of the list and a route cannot have one name', async () => {
  const models = 'models: { list: [{ name: chat, path: a }] }\n';
  await expect(start({ a: {} }, `${models}routes: [{ name: chat, targets: [{ model: a }] }]\n`)).rejects.toThrow(
    "a model of 'models.list' and a route are both named 'chat'",
  );
  const { send, ask } = await start({ a: {} }, 'routes: [{ name: chat, targets: [{ model: a }] }]\n');
  const change = await send('PUT', '/admin/v1/config/models.list', { value: [{ name: 'chat', path: 'a' }] });
  expect(change.status).toBe(422);
  expect(modelOf(await ask('chat'))).toBe('a');
});

test('the examples of the guide are valid', async () => {
  const guide = await readFile(new URL('../../../../docs/guide/routing.md', import.meta.url), 'utf8');
  const blocks = [...guide.matchAll(/```yaml\n([^]*?)```/g)].map(([, text = '']) => text);
  expect(blocks.length).toBeGreaterThan(3);
  for (const block of blocks) {
    const text = block.includes('routes:') ? block : `routes:\n${block}`;
    const file = { path: 'golek.yaml', text };
    expect(resolveConfiguration({ sections: [routesConfig], file }).get(routesConfig).length).toBeGreaterThan(0);
  }
});

describe('the administration of routes', () => {
  test('sets, shows, lists and removes them, live and kept', async () => {
    const { send, ask, system } = await start({ a: {}, b: {} });
    const set = await send('PUT', '/admin/v1/routes/chat', { targets: [{ model: 'a' }], fallback: ['b'] });
    expect(set).toMatchObject({ status: 200, body: { revision: 1, route: { name: 'chat', strategy: 'priority' } } });
    expect(set.headers.get('etag')).toBe('"1"');
    const answer = await ask('chat');
    expect(modelOf(answer)).toBe('a');
    expect(answer.headers.get('x-golek-route')).toContain('chat; target=a; strategy=priority');
    expect(await send('GET', '/admin/v1/routes')).toMatchObject({
      body: { routes: [{ targets: [{ model: 'a', registered: true, inFlight: 0, attempts: 1, errorRate: 0 }] }] },
    });
    expect(await send('GET', '/v1/models')).toMatchObject({
      body: {
        data: [{ id: 'a' }, { id: 'b' }, { id: 'chat', golek: { route: { strategy: 'priority', targets: ['a'] } } }],
      },
    });
    await system.stop();
    const again = await start({ a: {}, b: {} });
    expect(modelOf(await again.ask('chat'))).toBe('a');
    expect(await again.send('DELETE', '/admin/v1/routes/chat')).toMatchObject({ body: { removed: 'chat' } });
    expect((await again.ask('chat')).status).toBe(404);
    expect((await again.send('GET', '/admin/v1/routes/chat')).status).toBe(404);
  });

  test('refuses a change that was decided on an older state', async () => {
    const { send } = await start({ a: {}, b: {} });
    const put = (model: string, headers: Record<string, string>) =>
      send('PUT', '/admin/v1/routes/r', { targets: [{ model }] }, headers);
    expect((await put('a', { 'if-match': '"1"' })).status).toBe(409);
    expect((await put('a', { 'if-none-match': '*' })).status).toBe(200);
    expect((await put('b', { 'if-none-match': '*' })).status).toBe(409);
    expect((await put('b', { 'if-match': '"1"' })).status).toBe(200);
    expect((await put('a', { 'if-match': '1' })).status).toBe(409);
    expect((await put('a', { 'if-match': 'x' })).status).toBe(400);
    expect((await send('DELETE', '/admin/v1/routes/r', undefined, { 'if-match': '1' })).status).toBe(409);
  });

  test.each<[string, object, string]>([
    [
      'an unknown model',
      { targets: [{ model: 'aa' }] },
      "leads to 'aa', and no model has this name; did you mean 'a'?",
    ],
    [
      'an unknown key',
      { targets: [{ model: 'a' }], stratgy: 'random' },
      "unknown key 'stratgy'; did you mean 'strategy'?",
    ],
    ['another name', { name: 'x', targets: [{ model: 'a' }] }, "the path names the route 'r', the body 'x'"],
    ['no target', {}, "'targets' is missing"],
    ['a circle', { targets: [{ model: 'a' }], fallback: ['other'] }, "falls back to 'other', which comes back to it"],
  ])('refuses %s', async (_, body, message) => {
    const { send } = await start({ a: {} }, 'routes: [{ name: other, targets: [{ model: a }], fallback: [r] }]\n');
    const answer = await send('PUT', '/admin/v1/routes/r', body);
    expect(answer.status).toBeLessThan(500);
    expect(answer.body).toMatchObject({ error: { message: expect.stringContaining(message) } });
  });

  test('a canary that fails is rolled back by itself, reset by hand, and promoted', async () => {
    const bad: FakeModel = { fail: { at: 0, code: 'provider_failed', message: 'broken' } };
    const { send, ask, system, url } = await start({ old: {}, new: bad });
    const told: string[] = [];
    system.get(EVENTS).subscribe(({ event }) => told.push(event.type), ['canary.rolled-back', 'canary.promoted']);
    const canary = { target: 'new', percent: 100, rollback: { minRequests: 5, maxErrorRate: 0.5 } };
    await send('PUT', '/admin/v1/routes/chat', { targets: [{ model: 'old' }], canary });
    // Every request is answered: the stable target stands behind the canary.
    for (let i = 0; i < 6; i++) expect(modelOf(await ask('chat'))).toBe('old');
    expect(await send('GET', '/admin/v1/routes/chat')).toMatchObject({
      body: {
        canary: { percent: 100, share: 0, rolledBack: { reason: expect.stringContaining('attempts failed') } },
      },
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^golek_canary_share_ratio\{[^}]*model="new"[^}]*\} 0$/m);
    expect(await send('POST', '/admin/v1/routes/chat/canary/reset')).toMatchObject({
      body: { canary: { share: 100 } },
    });
    expect(await send('POST', '/admin/v1/routes/chat/canary/promote')).toMatchObject({
      status: 200,
      body: { route: { targets: [{ model: 'new' }] } },
    });
    expect(told).toEqual(['canary.rolled-back', 'canary.promoted']);
    expect((await send('POST', '/admin/v1/routes/chat/canary/promote')).status).toBe(400);
  });
});

test('a name with a slash is one name', async () => {
  const { send, ask } = await start({ a: {} });
  expect((await send('PUT', '/admin/v1/routes/team%2Fchat', { targets: [{ model: 'a' }] })).status).toBe(200);
  expect(modelOf(await ask('team/chat'))).toBe('a');
  expect(await send('GET', '/v1/models/team/chat')).toMatchObject({ status: 200, body: { id: 'team/chat' } });
});

test('a caller selects a target by header', async () => {
  const { send, ask } = await start({ a: {}, b: {} });
  await send('PUT', '/admin/v1/routes/r', {
    strategy: 'user-selected',
    targets: [{ model: 'a' }, { model: 'b', tags: ['big'] }],
  });
  expect(modelOf(await ask('r', { 'x-golek-target': 'big' }))).toBe('b');
  expect(await ask('r')).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining('choose one of: a, b, big') } },
  });
});

test('what an open model cannot do is known from then on, and the request goes straight to another', async () => {
  const { send, ask } = await start({ a: { options: ['input.chat'] }, b: {} });
  await send('PUT', '/admin/v1/routes/r', { targets: [{ model: 'a' }, { model: 'b' }] });
  const first = await ask('r', {}, { max_tokens: 3 });
  expect([modelOf(first), first.headers.get('x-golek-route')]).toEqual([
    'b',
    expect.stringContaining('failed=a:unsupported'),
  ]);
  const second = await ask('r', {}, { max_tokens: 3 });
  expect(second.headers.get('x-golek-route')).toContain("'a' was left out: it does not support 'maxTokens'");
  expect(second.headers.get('x-golek-route')).not.toContain('failed=');
});
