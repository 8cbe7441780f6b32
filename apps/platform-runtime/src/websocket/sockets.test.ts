import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Principal } from '@golek/api';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dial, readAll, sendRaw } from '../http/raw-exchange.fixture.ts';
import { serve } from '../http/server.fixture.ts';
import { serveSockets, socketUrl, TestClient } from './websocket.fixture.ts';

const TOKEN = 'correct-horse-battery-staple';

interface Refused {
  readonly status: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** What a handshake that is not taken is answered with. */
const refused = async (
  url: string,
  { protocols, headers }: { readonly protocols?: string[]; readonly headers?: Record<string, string> } = {},
): Promise<Refused> => {
  const ws = new WebSocket(socketUrl(url), protocols ?? [], { headers });
  ws.on('error', () => undefined);
  const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const { error } = JSON.parse(text) as { error: { code: string; message: string } };
  return { status: response.statusCode, code: error.code, message: error.message, headers: response.headers };
};

const bearer = (token: string): string => `golek.bearer.${Buffer.from(token).toString('base64url')}`;

describe('who may open a socket', () => {
  const guarded = { config: { adminToken: TOKEN } };
  const keys = [
    {
      name: 'keys',
      authenticate: ({ headers }: { headers: Record<string, unknown> }): Principal | undefined =>
        headers['authorization'] === 'Bearer ada-key-0123456789'
          ? { id: 'ada', tenant: 'acme', scopes: ['inference'] }
          : headers['authorization'] === 'Bearer guest-key-0123456789'
            ? { id: 'guest', tenant: 'acme', scopes: [] }
            : undefined,
    },
  ];

  test('without credentials that the server knows nobody: 401 before the upgrade', async () => {
    const { url } = await serveSockets({ tiny: {} }, {}, { authenticators: keys });
    expect(await refused(url)).toMatchObject({
      status: 401,
      code: 'unauthenticated',
      headers: {
        'www-authenticate': 'Bearer realm="golek"',
        'x-request-id': expect.stringMatching(/^req_/) as unknown,
      },
    });
    expect(await refused(url, { protocols: ['golek.v1', bearer('ada-key')] })).toMatchObject({ status: 401 });
    expect(await refused(url, { headers: { authorization: 'Bearer guest-key-0123456789' } })).toMatchObject({
      status: 403,
      code: 'permission_denied',
    });
  });

  test('a token in the header, in the header of Anthropic, or among the subprotocols, which are not repeated', async () => {
    const { url } = await serveSockets({ tiny: {} }, {}, { authenticators: keys, ...guarded });
    for (const options of [
      { headers: { authorization: 'Bearer ada-key-0123456789' } },
      { headers: { 'x-api-key': 'ada-key-0123456789' } },
      { protocols: ['golek.v1', bearer('ada-key-0123456789')] },
      { protocols: [bearer(TOKEN), 'golek.v1'] },
    ]) {
      const client = await TestClient.open(url, options);
      expect(client.ws.protocol).toBe('golek.v1');
      client.chat('a');
      expect(await client.end('a')).toMatchObject({ type: 'finished' });
    }
    // Never in the address: it would stand in logs.
    const ws = new WebSocket(`${socketUrl(url)}?token=ada-key-0123456789`);
    ws.on('error', () => undefined);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(401);
    ws.terminate();
  });

  test('web pages: of the server itself and of the origins that are allowed', async () => {
    const { url } = await serveSockets({ tiny: {} }, { origins: ['https://app.example.com'] });
    const { host } = new URL(url);
    for (const origin of [`http://${host}`, 'https://app.example.com'])
      (await TestClient.open(url, { headers: { origin } })).ws.close();
    for (const origin of ['https://evil.example', 'http://localhost:3000', 'null', `http://${host}.evil.example`]) {
      expect(await refused(url, { headers: { origin } })).toMatchObject({
        status: 403,
        code: 'permission_denied',
        message: expect.stringContaining('websocket.origins') as unknown,
      });
    }
    const open = await serveSockets({ tiny: {} }, { origins: ['*'] });
    (await TestClient.open(open.url, { headers: { origin: 'https://evil.example' } })).ws.close();
    const whole = await serveSockets({ tiny: {} }, {}, { config: { origins: ['https://app.example.com'] } });
    (await TestClient.open(whole.url, { headers: { origin: 'https://app.example.com' } })).ws.close();
  });

  test('a name that is made to point here is refused where there are no credentials', async () => {
    const { url } = await serveSockets();
    expect(await refused(url, { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
  });

  test('an authenticator that fails lets nobody in', async () => {
    const authenticate = (): never => {
      throw new TypeError('broken');
    };
    const { url } = await serveSockets({ tiny: {} }, {}, { authenticators: [{ name: 'broken', authenticate }] });
    expect(await refused(url)).toMatchObject({ status: 502, code: 'plugin_failed' });
  });

  test('a client that leaves while it is asked about takes no place', async () => {
    const ada: Principal = { id: 'ada', tenant: 'acme', scopes: ['inference'] };
    const asked = Promise.withResolvers<Principal>();
    let count = 0;
    const authenticate = (): Promise<Principal> => {
      count += 1;
      return asked.promise;
    };
    const { url } = await serveSockets(
      { tiny: {} },
      { maxSockets: 1 },
      { authenticators: [{ name: 'slow', authenticate }] },
    );
    const ws = new WebSocket(socketUrl(url));
    ws.on('error', () => undefined);
    await expect.poll(() => count).toBe(1);
    ws.terminate();
    asked.resolve(ada);
    await expect
      .poll(() =>
        TestClient.open(url).then(
          ({ ws: { readyState } }) => readyState,
          () => undefined,
        ),
      )
      .toBe(WebSocket.OPEN);
  });
});

describe('what is no handshake', () => {
  test('an ordinary request is told so', async () => {
    const { url } = await serveSockets();
    const response = await fetch(`${url}/v1/ws`);
    expect(response.status).toBe(426);
    expect(await response.text()).toContain('/v1/ws is a WebSocket');
    expect((await fetch(`${url}/v1/ws`, { method: 'POST' })).status).toBe(405);
  });

  test('another path has no WebSocket', async () => {
    const { url } = await serveSockets();
    const ws = new WebSocket(`${socketUrl(url)}x`);
    ws.on('error', () => undefined);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(404);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    expect(text).toContain("did you mean '/v1/ws'?");
  });

  test('an upgrade to something else is an ordinary request, and so is every one where there are no WebSockets', async () => {
    const { url } = await serveSockets();
    const head = ['GET /health/live HTTP/1.1', 'host: localhost', 'connection: upgrade, close', 'upgrade: h2c', '', ''];
    expect(await sendRaw(url, head.join('\r\n'))).toMatch(/^HTTP\/1\.1 200 /);
    const without = await serve();
    const ws = new WebSocket(socketUrl(without.url));
    ws.on('error', () => undefined);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.resume().statusCode).toBe(404);
  });

  test.each([
    ['a key that is none', { 'sec-websocket-key': 'short' }, /Sec-WebSocket-Key/],
    ['an old version', { 'sec-websocket-version': '7' }, /Sec-WebSocket-Version/],
    ['another protocol', { 'sec-websocket-protocol': 'graphql-ws' }, /offer 'golek\.v1'/],
  ])('%s', async (_name, changed, text) => {
    const { url } = await serveSockets();
    const headers = {
      host: 'localhost',
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-version': '13',
      ...changed,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const answer = await sendRaw(url, ['GET /v1/ws HTTP/1.1', ...lines, '', ''].join('\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/sec-websocket-version: 13/i);
    expect(answer).toMatch(text);
  });

  test('behind an answer in progress on the same connection', async () => {
    const { url, engine } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const socket = await dial(url);
    const all = readAll(socket);
    const body = JSON.stringify({ model: 'tiny', prompt: 'x' });
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await expect.poll(() => engine.inFlight).toBe(1);
    socket.write(
      'GET /v1/ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    expect(await all).toBe('');
    await expect.poll(() => engine.inFlight).toBe(0);
  });
});

describe('messages that cannot be read', () => {
  test('are told, and end nothing', async () => {
    const { url } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const client = await TestClient.open(url);
    client.chat('a');
    await client.get('started', 'a');
    for (const message of [
      '{"type":',
      '[]',
      '{"type":"start","id":"a","__proto__":{}}',
      { type: 'strat', id: 'b' },
      // About a request in progress: it goes on.
      { type: 'cancel', id: 'a', why: 'x' },
      { type: 'start', id: 'a', task: 'chat', request: {} },
      { type: 'tool_result', id: 'a', results: [{ tool_call_id: 'x', content: '' }] },
    ])
      client.send(message);
    client.send({ type: 'ping', payload: 'end' });
    expect(await client.get('pong')).toEqual({ type: 'pong', payload: 'end' });
    const errors = client.messages.flatMap((message) => (message.type === 'error' ? [[message.code, message.id]] : []));
    expect(errors).toEqual([
      ['invalid_json', undefined],
      ['invalid_request', undefined],
      ['invalid_request', undefined],
      ['invalid_request', 'b'],
      ['unknown_parameter', undefined],
      ['conflict', undefined],
      ['conflict', undefined],
    ]);
    client.send({ type: 'cancel', id: 'a' });
    expect(await client.end('a')).toMatchObject({ code: 'cancelled' });
  });

  test('binary frames: told, then closed with 1003', async () => {
    const { url } = await serveSockets();
    const client = await TestClient.open(url);
    client.ws.send(Buffer.from('{"type":"ping"}'));
    expect(await client.get('error')).toMatchObject({ code: 'unsupported_media_type', param: null });
    expect(await client.closed).toEqual({
      code: 1003,
      reason: 'messages are JSON in text frames; binary frames are not read',
    });
  });

  test.each([
    ['longer than a body may be', 1009, (ws: WebSocket) => ws.send('x'.repeat(1_048_577))],
    ['not UTF-8', 1007, (ws: WebSocket) => ws.send(Buffer.from([0xff, 0xfe]), { binary: false })],
    ['not masked', 1002, (ws: WebSocket) => ws.send('{}', { mask: false })],
  ])('%s: closed with %i, and its requests end', async (_name, code, send) => {
    const { url, engine } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const client = await TestClient.open(url);
    client.chat('a');
    await client.get('started', 'a');
    send(client.ws);
    expect(await client.closed).toMatchObject({ code });
    await expect.poll(() => engine.inFlight).toBe(0);
  });
});

describe('limits', () => {
  test('requests on one socket', async () => {
    const { url } = await serveSockets({ tiny: { hang: { at: 1 } } }, { maxRequests: 2 });
    const client = await TestClient.open(url);
    for (const id of ['a', 'b', 'c']) client.chat(id);
    expect(await client.end('c')).toMatchObject({
      code: 'rate_limited',
      retryable: true,
      message: expect.stringContaining('websocket.maxRequests') as unknown,
    });
    client.send({ type: 'cancel', id: 'a' });
    await client.end('a');
    client.messages.length = 0;
    client.chat('c');
    await client.get('started', 'c');
  });

  test('sockets of the server and of a tenant; one that closes makes room', async () => {
    const authenticate = ({ headers }: { headers: Record<string, unknown> }): Principal => ({
      id: 'x',
      tenant: String(headers['x-tenant']),
      scopes: ['inference'],
    });
    const { url } = await serveSockets(
      { tiny: {} },
      { maxSockets: 3, maxSocketsPerTenant: 2 },
      { authenticators: [{ name: 'tenants', authenticate }] },
    );
    const of = (tenant: string) => ({ headers: { 'x-tenant': tenant } });
    const first = await TestClient.open(url, of('acme'));
    await TestClient.open(url, of('acme'));
    expect(await refused(url, of('acme'))).toMatchObject({ status: 429, code: 'rate_limited' });
    await TestClient.open(url, of('other'));
    expect(await refused(url, of('third'))).toMatchObject({ status: 503, code: 'overloaded' });
    first.ws.close();
    await first.closed;
    await expect
      .poll(() =>
        TestClient.open(url, of('third')).then(
          ({ ws }) => ws.readyState,
          () => undefined,
        ),
      )
      .toBe(WebSocket.OPEN);
  });

  test('a socket without a request and without a message is closed, one with a request is not', async () => {
    const { url, engine } = await serveSockets({ tiny: { hang: { at: 1 } } }, { idleTimeoutMs: 60 });
    const busy = await TestClient.open(url);
    busy.chat('a');
    await busy.get('started', 'a');
    const idle = await TestClient.open(url);
    expect(await idle.closed).toEqual({ code: 1000, reason: 'idle for 60 ms' });
    expect([busy.ws.readyState, engine.inFlight]).toEqual([WebSocket.OPEN, 1]);
    busy.send({ type: 'cancel', id: 'a' });
    expect(await busy.closed).toMatchObject({ code: 1000 });
  });
});

describe('heart-beat', () => {
  test('drops a peer that does not answer, and ends its requests', async () => {
    const { url, engine, lines } = await serveSockets(
      { tiny: { hang: { at: 1 } } },
      { pingIntervalMs: 30, pongTimeoutMs: 30 },
    );
    const client = await TestClient.open(url, { autoPong: false });
    client.chat('a');
    await client.get('started', 'a');
    expect(await client.closed).toMatchObject({ code: 1006 });
    await expect.poll(() => engine.inFlight).toBe(0);
    expect(lines).toContainEqual({
      level: 'warn',
      fields: { socket: expect.any(String) as unknown, requests: 1 },
      message: 'a WebSocket was cut: its client did not answer a ping within 30 ms',
    });
  });

  test('leaves one that answers', async () => {
    const { url } = await serveSockets({ tiny: { hang: { at: 1 } } }, { pingIntervalMs: 20, pongTimeoutMs: 500 });
    const client = await TestClient.open(url);
    let pings = 0;
    client.ws.on('ping', () => (pings += 1));
    await expect.poll(() => pings, { timeout: 10_000 }).toBeGreaterThan(2);
    client.send({ type: 'ping' });
    await client.get('pong');
  });
});

describe('a client that does not read', () => {
  const PIECE = 'x'.repeat(16_384);
  const PIECES = 4000;
  /** 64 MB: more than connections hold by themselves. */
  const long = { answer: Array.from({ length: PIECES }, () => PIECE) };

  test('stops its own requests, not those of others; then it gets everything', async () => {
    const { url, provider, engine } = await serveSockets({ long, tiny: {} });
    const slow = await TestClient.open(url);
    slow.ws.pause();
    for (const id of ['a', 'b']) slow.chat(id, { model: 'long' });
    await expect.poll(() => engine.inFlight).toBe(2);
    let before = -1;
    await expect
      .poll(
        () => {
          const stands = provider.stats.pulled === before;
          before = provider.stats.pulled;
          return stands;
        },
        { interval: 200 },
      )
      .toBe(true);
    const other = await TestClient.open(url);
    for (let n = 0; n < 20; n++) {
      other.chat(String(n));
      expect(await other.end(String(n))).toMatchObject({ type: 'finished' });
    }
    // 20 requests of 6 events; what the slow one asks for stands still far before its end.
    expect(provider.stats.pulled - before).toBeLessThanOrEqual(20 * 8);
    expect(before).toBeLessThan(PIECES);
    slow.ws.resume();
    for (const id of ['a', 'b']) {
      expect(await slow.end(id)).toMatchObject({ type: 'finished' });
      expect(slow.textOf(id).length).toBe(PIECE.length * PIECES);
    }
    // By turns: when the first was done, the other nearly was.
    const order = slow.messages.flatMap((message) => (message.type === 'delta' ? [message.id] : []));
    const firstDone = Math.min(order.lastIndexOf('a'), order.lastIndexOf('b'));
    expect(order.length - firstDone).toBeLessThan(PIECES / 10);
  });

  test('can cancel; what it asked for is freed at once', async () => {
    const { url, provider, engine } = await serveSockets({ long });
    const slow = await TestClient.open(url);
    slow.ws.pause();
    slow.chat('a', { model: 'long' });
    await expect.poll(() => provider.stats.pulled).toBeGreaterThan(10);
    slow.send({ type: 'cancel', id: 'a' });
    await expect.poll(() => [engine.inFlight, provider.stats.active]).toEqual([0, 0]);
    slow.ws.resume();
    expect(await slow.end('a')).toMatchObject({ code: 'cancelled' });
  });

  test('is cut off when that takes too long', async () => {
    const { url, engine, lines } = await serveSockets({ long }, {}, { config: { writeTimeoutMs: 100 } });
    const slow = await TestClient.open(url);
    slow.ws.pause();
    slow.chat('a', { model: 'long' });
    await expect.poll(() => engine.inFlight).toBe(1);
    await expect.poll(() => engine.inFlight).toBe(0);
    expect(lines.map(({ message }) => message)).toContain(
      'a WebSocket was cut: its client read nothing of its messages for 100 ms',
    );
  });

  test('cannot fill the server with answers to its own messages: it is read no further', async () => {
    const { url } = await serveSockets({ tiny: {} }, { maxRequests: 1 });
    const slow = await TestClient.open(url);
    slow.ws.pause();
    const payload = 'p'.repeat(128);
    const message = JSON.stringify({ type: 'ping', payload });
    // Until the server reads no further, which fills the connection.
    let sent = 0;
    while (slow.ws.bufferedAmount < 4_000_000 && sent < 1_000_000) {
      slow.send(message);
      sent += 1;
      if (sent % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(slow.ws.bufferedAmount).toBeGreaterThanOrEqual(4_000_000);
    let pongs = 0;
    slow.ws.removeAllListeners('message');
    slow.ws.on('message', () => (pongs += 1));
    slow.ws.resume();
    await expect.poll(() => pongs, { timeout: 20_000 }).toBe(sent);
  });
});

describe('a server that stops', () => {
  test('refuses new sockets and starts, lets running requests finish, then closes with 1001', async () => {
    const { url, server, engine } = await serveSockets({ tiny: { answer: ['a', 'b', 'c', 'd'], delayMs: 40 } });
    const idle = await TestClient.open(url);
    const busy = await TestClient.open(url);
    busy.chat('a');
    await busy.get('started', 'a');
    const drained = Promise.all([engine.drain(10_000), server.drain(10_000)]);
    busy.chat('b');
    expect(await busy.end('b')).toMatchObject({ code: 'shutting_down', retryable: true });
    expect(await refused(url)).toMatchObject({ status: 503, code: 'shutting_down' });
    expect(await idle.closed).toEqual({ code: 1001, reason: 'the server stops' });
    expect(await busy.closed).toMatchObject({ code: 1001 });
    expect(await busy.end('a')).toMatchObject({ type: 'finished' });
    expect(busy.textOf('a')).toBe('abcd');
    expect(await drained).toEqual([true, true]);
  });

  test('ends what takes longer than the grace time, and says so', async () => {
    const { url, server, engine } = await serveSockets({ tiny: { hang: { at: 1 } } });
    const client = await TestClient.open(url);
    client.chat('a');
    await client.get('started', 'a');
    const drained = Promise.all([engine.drain(30), server.drain(30)]);
    expect(await client.end('a')).toMatchObject({ code: 'shutting_down' });
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect((await drained)[0]).toBe(false);
  });

  test('does not wait for a peer that does not answer the close', async () => {
    const { url, server, engine } = await serveSockets();
    const client = await TestClient.open(url);
    client.ws.pause();
    await engine.drain(0);
    const closed = server.close();
    await closed;
    await expect(fetch(url)).rejects.toThrow();
  });
});
