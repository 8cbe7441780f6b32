import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { HttpRoute } from '@golek/plugins-api';
import { EVENTS, EXTENSIONS } from '@golek/system';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, onTestFinished, test } from 'vitest';
import { feedItems } from './cli/event-feed.ts';
import { composeServer, type ComposedServer } from './compose-server.ts';
import { loadSettings } from './config/platform-config.ts';
import { HTTP_SERVER } from './modules/http-module.ts';

const TOKEN = 'a-token-long-enough';

const compose = async (environment: Record<string, string> = {}): Promise<ComposedServer> => {
  const home = await mkdtemp(path.join(tmpdir(), 'golek-lifecycle-'));
  const server = await composeServer(
    await loadSettings({
      environment: { GOLEK_HOME: home, GOLEK_HTTP_PORT: '0', GOLEK_LOG_LEVEL: 'silent', ...environment },
    }),
  );
  onTestFinished(async () => {
    await server.system.stop();
    await rm(home, { recursive: true, force: true });
  });
  return server;
};

test('tells that it has started and that it stops, once; the feed ends, requests to plugins come to their end', async () => {
  const { system, drain } = await compose();
  await system.start();
  const events = system.get(EVENTS);
  const told = (): string[] =>
    events.recent.map(({ event }) => event.type).filter((type) => type.startsWith('system.'));
  expect(told()).toEqual(['system.started']);
  const { url } = system.get(HTTP_SERVER).address;
  const finish = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<boolean>();
  const slow: HttpRoute = {
    method: 'GET',
    path: '/slow',
    handle: async () => {
      begun.resolve(true);
      return { body: await finish.promise };
    },
  };
  await system.get(EXTENSIONS).change({ routes: { remove: [], add: [slow] } });
  const answer = fetch(`${url}/slow`).then((response) => response.text());
  await begun.promise;
  const feed = await fetch(`${url}/admin/v1/events?types=system.`);
  const items = feedItems(feed.body as ReadableStream<Uint8Array>);
  const drained = drain();
  const types: string[] = [];
  for await (const { type } of items) types.push(type);
  expect(types).toEqual(['system.stopping']);
  expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({ reasons: ['the runtime is stopping'] });
  finish.resolve('done');
  expect([await answer, await drained]).toEqual(['done', true]);
  await system.stop();
  expect(told()).toEqual(['system.started', 'system.stopping']);
});

test('a system that is stopped without being drained tells it too; one that never ran does not', async () => {
  const { system } = await compose();
  await system.start();
  const events = system.get(EVENTS);
  await system.stop();
  expect(events.recent.at(-1)?.event.type).toBe('system.stopping');
  const broken = await compose({ GOLEK_HTTP_HOST: '0.0.0.0' });
  await expect(broken.system.start()).rejects.toMatchObject({ code: 'config_invalid' });
});

test('with a token for the administrator it may listen for others', async () => {
  const { system } = await compose({ GOLEK_HTTP_HOST: '0.0.0.0', GOLEK_HTTP_ADMIN_TOKEN: TOKEN });
  await system.start();
  const { port } = system.get(HTTP_SERVER).address;
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/admin/v1/usage`, { headers })).status;
  expect([await status({}), await status({ authorization: `Bearer ${TOKEN}` })]).toEqual([401, 200]);
});

test('a token that can be guessed is refused', async () => {
  const { system } = await compose({ GOLEK_HTTP_ADMIN_TOKEN: 'short' });
  await expect(system.start()).rejects.toMatchObject({ code: 'config_invalid' });
});

test('the OpenAPI document of the whole server is valid, and every route of it is described', async () => {
  const { system } = await compose();
  await system.start();
  const response = await fetch(`${system.get(HTTP_SERVER).address.url}/openapi.json`);
  const document = (await response.json()) as { paths: Record<string, Record<string, { summary: string }>> };
  expect(await new Validator().validate(document)).toEqual({ valid: true });
  const undescribed = Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.entries(methods)
      .filter(([, { summary }]) => summary === 'Not described.')
      .map(([method]) => `${method} ${route}`),
  );
  expect(undescribed).toEqual([]);
});
