import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { isLocalHost, refuseOpenAddress } from './listen-guard.ts';
import { dial, httpPost, readAll, sendRaw } from './raw-exchange.fixture.ts';
import type { Route } from './route.ts';
import { chat, serve } from './server.fixture.ts';

const CHAT = '/v1/chat/completions';

describe('routes', () => {
  test('a path that is nearly right', async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/v1/chat/completion`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      error: {
        code: 'route_not_found',
        message: "there is no route GET /v1/chat/completion; did you mean '/v1/chat/completions'?",
      },
    });
    expect(await (await fetch(`${url}/nothing/like/it`)).json()).toMatchObject({
      error: { message: 'there is no route GET /nothing/like/it; see GET /openapi.json' },
    });
  });
  test.each([
    ['GET', CHAT, 'POST'],
    ['OPTIONS', '/v1/models', 'GET, HEAD'],
    ['DELETE', '/v1/models/tiny', 'GET, HEAD'],
    ['PUT', '/health/live?x=1', 'GET, HEAD'],
    ['PROPFIND', '/v1/models', 'GET, HEAD'],
  ])('%s %s is not allowed, but %s', async (method, path, allow) => {
    const { url } = await serve();
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(await response.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
  });
  test.each([
    ['GET', '/v2/logging', { error: expect.stringContaining('no route GET /v2/logging') as string }],
    ['PUT', '/v2/models/tiny/infer', { error: expect.stringContaining('it takes POST') as string }],
    ['GET', '/api/nothing', { error: expect.stringContaining('no route') as string, code: 'route_not_found' }],
    ['GET', '/api/chat', { error: expect.stringContaining('it takes POST') as string, code: 'method_not_allowed' }],
    ['GET', '/v2/rerank', { error: { code: 'method_not_allowed' } }],
  ])('what a protocol has and the server has not is told as its clients read it: %s %s', async (method, path, told) => {
    const { url } = await serve();
    expect(await (await fetch(url + path, { method })).json()).toMatchObject(told);
  });
  test.each([
    ['OPTIONS * HTTP/1.1', 405],
    ['GET http://localhost/health/live HTTP/1.1', 200],
    ['GET //health/live HTTP/1.1', 404],
    ['GET /health/live?x=%E0%A4%A HTTP/1.1', 200],
    ['GET /v1/models/%E0%A4%A HTTP/1.1', 400],
    ['GET /%00 HTTP/1.1', 404],
  ])('%s is answered with %d', async (line, status) => {
    const { url } = await serve();
    const answer = await sendRaw(url, `${line}\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1])).toBe(status);
  });
  test('a handler that fails in the middle of its answer ends the connection', async () => {
    const broken: Route = {
      method: 'GET',
      path: '/broken',
      scope: 'public',
      handle: ({ response }) => {
        response.writeHead(200, { 'content-type': 'text/plain' }).write('part');
        throw new Error('broken');
      },
    };
    const { url, lines } = await serve({ tiny: {} }, { routes: [broken] });
    await expect(fetch(`${url}/broken`).then((response) => response.text())).rejects.toThrow();
    expect(lines.map(({ message }) => message)).toContain('a request failed in the HTTP server');
  });
  test('HEAD, and a slash at the end', async () => {
    const { url } = await serve();
    const head = await fetch(`${url}/v1/models`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${url}/v1/models/`)).status).toBe(200);
  });
});

describe('request ids', () => {
  const idOf = async (sent?: string): Promise<string | null> => {
    const { url } = await serve();
    return (
      await fetch(`${url}/health/live`, sent === undefined ? {} : { headers: { 'x-request-id': sent } })
    ).headers.get('x-request-id');
  };
  test('a good one is kept', async () => {
    expect(await idOf('job:7/a.b-c_d')).toBe('job:7/a.b-c_d');
  });
  test.each([undefined, '', 'a b', 'a"b', 'é', 'x'.repeat(129)])('%j gets a new one', async (sent) => {
    expect(await idOf(sent)).toMatch(/^req_[0-9a-f]{32}$/);
  });
});

test('the call carries the id, the trace and the protocol', async () => {
  const calls: unknown[] = [];
  const watch = {
    phase: 'OBSERVABILITY' as const,
    name: 'test.call',
    observe: (call: object) => {
      calls.push(call);
      return undefined;
    },
  };
  const { post } = await serve({ tiny: {} }, { phases: [watch] });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const headers = { 'content-type': 'application/json', 'x-request-id': 'r-1', traceparent };
  await post(CHAT, chat(), { headers });
  expect(calls).toMatchObject([{ id: 'r-1', protocol: 'openai', trace: { traceparent } }]);
});

describe('state', () => {
  test('live', async () => {
    const { url } = await serve();
    expect(await (await fetch(`${url}/health/live`)).json()).toEqual({ status: 'live', version: '0.0.0-test' });
  });
  test('ready, with the models', async () => {
    const broken = { load: { error: { code: 'model_invalid' as const, message: 'no magic number' } } };
    const { url, post } = await serve({ tiny: {}, broken, idle: {} });
    await post(CHAT, chat());
    await post(CHAT, chat({ model: 'broken' }));
    const response = await fetch(`${url}/health/ready`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      status: 'ready',
      reasons: [],
      inFlight: 0,
      models: [
        { id: 'tiny', provider: 'fake', state: 'ready', inUse: 0, health: { status: 'ok' } },
        {
          id: 'broken',
          provider: 'fake',
          state: 'failed',
          inUse: 0,
          error: { code: 'model_invalid', message: 'no magic number' },
        },
        { id: 'idle', provider: 'fake', state: 'unloaded', inUse: 0 },
      ],
      problems: [],
    });
  });
  test('not ready', async () => {
    const { url } = await serve({ tiny: {} }, { state: () => 'starting' });
    const response = await fetch(`${url}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 'not-ready',
      reasons: ['the runtime is starting'],
    });
  });
  test('usage', async () => {
    const { url, post } = await serve();
    await post(CHAT, chat());
    await post(CHAT, chat({ max_tokens: 2, stream: true })).then((response) => response.text());
    await post(CHAT, chat({ tool_choice: 'required' }));
    expect(await (await fetch(`${url}/admin/v1/usage`)).json()).toEqual({
      models: {
        tiny: { completed: 2, failed: 0, abandoned: 0, promptTokens: 10, completionTokens: 6 },
        '(none)': { completed: 0, failed: 1, abandoned: 0, promptTokens: 0, completionTokens: 0 },
      },
    });
  });
  test('tokenize and detokenize are inverse', async () => {
    const { post } = await serve();
    const { tokens } = (await (await post('/tokenize', { content: 'Hi, ä' })).json()) as { tokens: number[] };
    expect(tokens.length).toBeGreaterThan(1);
    expect(await (await post('/detokenize', { model: 'tiny', tokens })).json()).toEqual({ content: 'Hi, ä' });
  });
});

describe('close', () => {
  test('open answers come to their end; no new connections; idle ones are closed', async () => {
    const { url, server, provider } = await serve({ tiny: { answer: ['a', 'b', 'c', 'd'], delayMs: 40 } });
    const idle = await dial(url);
    idle.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(idle, 'data');
    const [open, unary] = [await dial(url), await dial(url)];
    const answers = Promise.all([readAll(open), readAll(unary)]);
    const keepAlive = (stream: boolean): string =>
      httpPost(CHAT, JSON.stringify(chat({ stream }))).replace('connection: close\r\n', '');
    open.write(keepAlive(true));
    unary.write(keepAlive(false));
    await expect.poll(() => provider.stats.active).toBe(2);
    const idleClosed = once(idle, 'close');
    idle.resume();
    const closed = server.close();
    await idleClosed;
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    const [stream, answer] = await answers;
    expect(stream).toContain('data: [DONE]');
    expect(answer).toContain('"content":"abcd"');
    await closed;
    await server.close();
  });

  test('a request on an open connection learns of it', async () => {
    const { url, server, engine, provider } = await serve({ tiny: { hang: { at: 0 } } });
    const socket = await dial(url);
    const answers = readAll(socket);
    socket.write(httpPost(CHAT, JSON.stringify(chat())).replace('connection: close\r\n', ''));
    await expect.poll(() => provider.stats.active).toBe(1);
    const closed = server.close();
    socket.write('GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await engine.drain(0);
    const [, second = ''] = (await answers).split(/(?<=\})(?=HTTP)/);
    expect(second).toMatch(/^HTTP\/1.1 503 /);
    expect(second).toMatch(/\r\nconnection: close\r\n/i);
    expect(second).toContain('takes no new connections');
    await closed;
  });

  test('a signal cuts what is still open', async () => {
    const { url, server, engine, provider } = await serve({ tiny: { hang: { at: 0 } } });
    const socket = await dial(url);
    const answer = readAll(socket);
    socket.write(httpPost(CHAT, JSON.stringify(chat())));
    await expect.poll(() => provider.stats.active).toBe(1);
    const controller = new AbortController();
    const closed = server.close(controller.signal);
    controller.abort();
    await closed;
    expect(await answer).toBe('');
    await expect.poll(() => engine.inFlight).toBe(0);
  });

  test('the engine that stops ends open answers in their own way', async () => {
    const { post, engine, provider } = await serve({ tiny: { answer: ['a', 'b'], hang: { at: 1 } } });
    const stream = await post(CHAT, chat({ stream: true }));
    const unary = post(CHAT, chat());
    await expect.poll(() => provider.stats.active).toBe(2);
    expect(await engine.drain(0)).toBe(false);
    const text = await stream.text();
    expect(text).toMatch(/"code":"shutting_down"\}\}\n\n$/);
    expect(text).not.toContain('[DONE]');
    expect((await unary).status).toBe(503);
    expect(await (await post(CHAT, chat())).json()).toMatchObject({ error: { code: 'shutting_down' } });
  });
});

describe('listening', () => {
  test('tells where', async () => {
    const { url, server } = await serve();
    expect(server.address).toEqual({ host: '127.0.0.1', port: expect.any(Number) as number, url });
    expect(url).toBe(`http://127.0.0.1:${server.address.port}`);
  });
  test('on a port that is taken', async () => {
    const { server } = await serve();
    await expect(serve({ tiny: {} }, { config: { port: server.address.port } })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('another program listens there') as string,
    });
  });
  test('is refused on an open address without authentication, unless it is allowed by name', async () => {
    await expect(serve({ tiny: {} }, { config: { host: '0.0.0.0' } })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('http.allowUnauthenticated') as string,
    });
    const { server } = await serve({ tiny: {} }, { config: { host: '0.0.0.0', allowUnauthenticated: true } });
    const socket = await dial(`http://127.0.0.1:${server.address.port}`);
    const answer = readAll(socket);
    socket.write('GET /health/live HTTP/1.1\r\nhost: golek.example\r\nconnection: close\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 200 /);
  });
  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('%s is loopback', (host) => {
    expect(() => refuseOpenAddress(host, false)).not.toThrow();
  });
  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '', '::ffff:10.0.0.1'])('%j is not', (host) => {
    expect(() => refuseOpenAddress(host, false)).toThrow('without authentication');
  });
  test.each(['localhost', 'localhost:8080', 'LOCALHOST', '127.0.0.1:1', '[::1]:8080', 'golek.localhost:80'])(
    'the host %s is this machine',
    (host) => {
      expect(isLocalHost(host)).toBe(true);
    },
  );
  test.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil',
    '10.0.0.1',
  ])('the host %j is not', (host) => {
    expect(isLocalHost(host)).toBe(false);
  });
  test('more connections than allowed are closed', async () => {
    const { url, lines } = await serve({ tiny: {} }, { config: { maxConnections: 1 } });
    const first = await dial(url);
    const second = await dial(url);
    expect(await readAll(second)).toBe('');
    first.destroy();
    expect(lines.map(({ message }) => message)).toContain('a connection was closed: there are too many');
  });
});
