import { once } from 'node:events';
import { GolekError } from '@golek/api';
import type { HttpRoute, RouteRequest } from '@golek/plugins-api';
import { describe, expect, test } from 'vitest';
import { dial, readAll } from './raw-exchange.fixture.ts';
import { serve, type ServeOptions, type TestServer } from './server.fixture.ts';

const route = (path: string, handle: HttpRoute['handle'], rest: Partial<HttpRoute> = {}): HttpRoute => ({
  method: 'GET',
  path,
  handle,
  ...rest,
});

const add = async (server: TestServer, ...routes: HttpRoute[]): Promise<void> =>
  server.extensions.change({ routes: { remove: [], add: routes } });

const serving = async (options: ServeOptions, ...routes: HttpRoute[]): Promise<TestServer> => {
  const server = await serve({ tiny: {} }, options);
  await add(server, ...routes);
  return server;
};

/** Pieces that come when they are let go. */
const gate = (): { readonly open: () => void; readonly passed: Promise<unknown> } => {
  const { promise: passed, resolve } = Promise.withResolvers<unknown>();
  return { open: () => resolve(undefined), passed };
};

describe('what a route gets and gives', () => {
  test('path, parameters, query, headers, body, principal, id', async () => {
    const seen: RouteRequest[] = [];
    const { url } = await serving(
      {},
      route(
        '/hello/:name/*',
        (request) => {
          seen.push(request);
          return { status: 201, headers: { 'X-Mine': 'yes', 'content-type': 'text/html' }, body: '<p>é</p>' };
        },
        { method: 'POST' },
      ),
    );
    const response = await fetch(`${url}/hello/J%C3%BCrg/a/b%2Fc?x=1&x=2`, {
      method: 'POST',
      body: new Uint8Array([1, 2, 255]),
      headers: { 'x-request-id': 'r-7' },
    });
    expect([response.status, await response.text()]).toEqual([201, '<p>é</p>']);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-mine': 'yes',
      'content-type': 'text/html',
      'content-length': '9',
      'x-request-id': 'r-7',
      'x-content-type-options': 'nosniff',
    });
    const [request] = seen;
    expect(request).toMatchObject({
      id: 'r-7',
      method: 'POST',
      path: '/hello/J%C3%BCrg/a/b%2Fc',
      params: { name: 'Jürg', '*': 'a/b/c' },
      principal: { id: 'anonymous' },
    });
    expect(request?.query.getAll('x')).toEqual(['1', '2']);
    expect([...(request?.body ?? [])]).toEqual([1, 2, 255]);
    expect(request?.signal.aborted).toBe(false);
  });

  test('HEAD, bytes, nothing, and a body that is too large', async () => {
    let pulled = 0;
    const { url } = await serving(
      { config: { bodyLimitBytes: 1024 } },
      route('/bytes', () => ({ body: new Uint8Array([0, 1]) })),
      route('/nothing', () => ({ status: 204 })),
      route('/stream', () => ({
        body: (function* () {
          pulled += 1;
          yield 'x';
        })() as unknown as AsyncIterable<string>,
      })),
      route('/post', ({ body }) => ({ body: String(body.length) }), { method: 'POST' }),
    );
    expect([...new Uint8Array(await (await fetch(`${url}/bytes`)).arrayBuffer())]).toEqual([0, 1]);
    const head = await fetch(`${url}/bytes`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '2', '']);
    expect((await fetch(`${url}/nothing`)).status).toBe(204);
    expect(pulled).toBe(0);
    const post = (bytes: number): Promise<Response> =>
      fetch(`${url}/post`, { method: 'POST', body: new Uint8Array(bytes) });
    expect(await (await post(1024)).text()).toBe('1024');
    expect((await post(1025)).status).toBe(413);
  });

  test('failures: those of ours keep their code, others are told without their text', async () => {
    const server = await serving(
      {},
      route('/ours', () => {
        throw new GolekError('rate_limited', 'slow down', { retryAfter: 2 });
      }),
      route('/theirs', () => Promise.reject(new Error('password=1234'))),
      route('/status', () => ({ status: 999 })),
      route('/header', () => ({ headers: { x: 'a\r\nb: c' } })),
    );
    const ours = await fetch(`${server.url}/ours`);
    expect([ours.status, ours.headers.get('retry-after')]).toEqual([429, '2']);
    for (const path of ['/theirs', '/status', '/header']) {
      const response = await fetch(server.url + path);
      expect(response.status).toBe(502);
      const text = await response.text();
      expect(text).toContain(`the plugin behind GET ${path} failed`);
      expect(text).not.toContain('1234');
    }
    expect(server.lines.filter(({ message }) => message === "a plugin's route failed")).toHaveLength(3);
  });

  test('scopes', async () => {
    const TOKEN = 'a-token-long-enough';
    const { url } = await serving(
      { config: { adminToken: TOKEN } },
      route('/open', ({ principal }) => ({ body: principal.scopes.join() }), { scope: 'public' }),
      route('/admin', ({ principal }) => ({ body: principal.id }), { scope: 'admin' }),
      route('/plain', ({ principal }) => ({ body: principal.scopes.join() })),
    );
    expect(await (await fetch(`${url}/open`)).text()).toBe('');
    expect(await (await fetch(`${url}/plain`)).text()).toBe('inference');
    expect((await fetch(`${url}/admin`)).status).toBe(401);
    const admin = await fetch(`${url}/admin`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(await admin.text()).toBe('admin');
  });
});

describe('streams', () => {
  test('pieces go out as they come', async () => {
    const { open, passed } = gate();
    const { url } = await serving(
      {},
      route('/s', () => ({
        headers: { 'content-type': 'text/event-stream' },
        body: (async function* () {
          yield 'one';
          await passed;
          yield new Uint8Array([33]);
        })(),
      })),
    );
    const response = await fetch(`${url}/s`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('one');
    open();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('!');
    expect((await reader.read()).done).toBe(true);
  });

  test('a failure before the first piece has its status, a later one cuts the connection', async () => {
    const { url } = await serving(
      {},
      route('/early', () => ({
        body: (async function* () {
          await Promise.resolve();
          throw new GolekError('model_not_found', 'no such thing');
          yield 'never';
        })(),
      })),
      route('/late', () => ({
        body: (async function* () {
          yield 'part';
          await Promise.resolve();
          throw new Error('broken');
        })(),
      })),
    );
    expect((await fetch(`${url}/early`)).status).toBe(404);
    await expect(fetch(`${url}/late`).then((response) => response.text())).rejects.toThrow();
  });

  test('a slow reader holds the source back; one that leaves closes it', async () => {
    let made = 0;
    let closed = false;
    const { url } = await serving(
      {},
      route('/flood', () => ({
        body: (async function* () {
          try {
            for (;;) {
              made += 1;
              yield 'x'.repeat(65_536);
              await Promise.resolve();
            }
          } finally {
            closed = true;
          }
        })(),
      })),
    );
    const socket = await dial(url);
    socket.pause();
    socket.write('GET /flood HTTP/1.1\r\nhost: localhost\r\n\r\n');
    // Once the buffers between are full, nothing more is made.
    await expect
      .poll(
        async () => {
          const before = made;
          await new Promise((resolve) => setTimeout(resolve, 150));
          return made > 0 && made === before;
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    expect(closed).toBe(false);
    socket.destroy();
    await expect.poll(() => closed).toBe(true);
  });

  test('a client that leaves ends a source that heeds nothing', async () => {
    const server = await serving(
      {},
      route('/dead', () => ({
        body: (async function* () {
          yield 'x';
          await new Promise(() => undefined);
        })(),
      })),
    );
    const socket = await dial(server.url);
    socket.write('GET /dead HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    const [dead] = server.extensions.routes.items;
    // Nothing is in the route any more, or this would not resolve.
    await server.extensions.change({ routes: { remove: dead ? [dead] : [], add: [] } });
  });
});

describe('changes while requests run', () => {
  test('a request in progress ends with the route that it began in; the change resolves then', async () => {
    const { open, passed } = gate();
    const started = gate();
    const old = route('/v', async () => {
      started.open();
      await passed;
      return { body: 'old' };
    });
    const server = await serving({}, old);
    const first = fetch(`${server.url}/v`).then((response) => response.text());
    await started.passed;
    let replaced = false;
    const change = server.extensions
      .change({ routes: { remove: [old], add: [route('/v', () => ({ body: 'new' }))] } })
      .then(() => (replaced = true));
    expect(await (await fetch(`${server.url}/v`)).text()).toBe('new');
    expect(replaced).toBe(false);
    open();
    expect(await first).toBe('old');
    await change;
    await server.extensions.change({ routes: { remove: server.extensions.routes.items, add: [] } });
    expect((await fetch(`${server.url}/v`)).status).toBe(404);
  });

  test('hints and allowed methods know them', async () => {
    const { url } = await serving(
      {},
      route('/things/:id', () => ({}), { method: 'PUT' }),
      route('/things/:id', () => ({})),
    );
    const wrong = await fetch(`${url}/things/5`, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, PUT, HEAD']);
    const near = await fetch(`${url}/thing/:id`);
    expect(await near.json()).toMatchObject({ error: { message: expect.stringContaining("'/things/:id'") as string } });
  });

  test.each([
    ["Golek's own", route('/v1/models', () => ({})), "Golek's own"],
    ['a wildcard of Golek', route('/v1/models/*', () => ({})), "Golek's own"],
    ['a path without a slash', route('x', () => ({})), 'cannot be served'],
    ['a pattern', route('/a/:id(\\d+)', () => ({})), 'cannot be served'],
    ['a star in the middle', route('/a/*/b', () => ({})), 'cannot be served'],
    ['a method', route('/a', () => ({}), { method: 'TRACE' as 'GET' }), 'method'],
    ['taken by another', route('/taken/:other', () => ({})), 'two plugins'],
  ])('%s cannot be taken', async (_, refused, message) => {
    const server = await serving(
      {},
      route('/taken/:name', () => ({ body: 'kept' })),
    );
    expect(() => server.extensions.change({ routes: { remove: [], add: [refused] } })).toThrow(message);
    expect(await (await fetch(`${server.url}/taken/x`)).text()).toBe('kept');
  });

  test("Golek's own routes go first", async () => {
    const { url } = await serving(
      {},
      route('/v1/*', () => ({ body: 'mine' })),
      route('/*', () => ({ body: 'rest' })),
    );
    expect((await (await fetch(`${url}/v1/models`)).json()) as object).toHaveProperty('data');
    expect(await (await fetch(`${url}/v1/other`)).text()).toBe('mine');
    expect(await (await fetch(`${url}/anything`)).text()).toBe('rest');
  });
});

describe('drain', () => {
  test('waits for requests in progress and refuses new ones', async () => {
    const { open, passed } = gate();
    const started = gate();
    const server = await serving(
      {},
      route('/slow', async () => {
        started.open();
        await passed;
        return { body: 'done' };
      }),
    );
    const first = fetch(`${server.url}/slow`).then((response) => response.text());
    await started.passed;
    const drained = server.server.drain(10_000);
    expect(await (await fetch(`${server.url}/slow`)).json()).toMatchObject({ error: { code: 'shutting_down' } });
    open();
    expect([await first, await drained]).toEqual(['done', true]);
  });

  test('cuts off what takes longer', async () => {
    const started = gate();
    const server = await serving(
      {},
      route('/stuck', () => {
        started.open();
        return new Promise(() => undefined);
      }),
    );
    const answer = fetch(`${server.url}/stuck`);
    await started.passed;
    expect(await server.server.drain(20)).toBe(false);
    expect((await answer).status).toBe(503);
  });
});

test('what is sent while the body is read does not disturb the next request', async () => {
  const { url } = await serving(
    {},
    route('/echo', ({ body }) => ({ body }), { method: 'POST' }),
  );
  const socket = await dial(url);
  const answers = readAll(socket);
  const post = (body: string, rest = ''): string =>
    `POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n${rest}\r\n${body}`;
  socket.write(post('first') + post('second', 'connection: close\r\n'));
  expect([...(await answers).matchAll(/(first|second)/g)].map(([text]) => text)).toEqual(['first', 'second']);
});
