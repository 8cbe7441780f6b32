import { describe, expect, test } from 'vitest';
import { sendRaw } from './raw-exchange.fixture.ts';
import { chat, CONFIG, serve, type ServeOptions, type TestServer } from './server.fixture.ts';

const CHAT = '/v1/chat/completions';
const ADMIN = '/admin/v1/usage';
const APP = 'https://app.example.com';
const OTHER = 'https://other.example.com';
const TOKEN = 'a-token-that-nobody-guesses';

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Bare, so that any Host can be named and nothing is added. */
const send = async (
  { url }: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<Head> => {
  const lines = Object.entries({ host: 'localhost', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const length = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  const answer = await sendRaw(url, `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`);
  const end = answer.indexOf('\r\n\r\n');
  const [first = '', ...rest] = answer.slice(0, end).split('\r\n');
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(
      rest.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    body: answer.slice(end + 4),
  };
};

const preflight = (
  server: TestServer,
  path: string,
  { origin = APP, method = 'POST', names }: { origin?: string; method?: string; names?: string } = {},
): Promise<Head> =>
  send(server, 'OPTIONS', path, {
    origin,
    'access-control-request-method': method,
    ...(names !== undefined && { 'access-control-request-headers': names }),
  });

const open = (origins: readonly string[], { config, ...rest }: ServeOptions = {}): Promise<TestServer> =>
  serve({ tiny: {} }, { ...rest, config: { origins, ...config } });

const corsOf = ({ headers }: Head): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

const READABLE = {
  'access-control-allow-origin': APP,
  'access-control-expose-headers': '*',
  vary: 'Origin',
};

describe('a preflight', () => {
  test.each([
    [CHAT, 'POST', 'POST'],
    ['/v1/models', 'GET', 'GET, HEAD'],
    ['/v1/models?x=1', 'HEAD', 'GET, HEAD'],
    ['/v1/messages', 'POST', 'POST'],
    ['/api/chat', 'POST', 'POST'],
    ['/api/delete', 'DELETE', 'DELETE'],
    ['/v2/models/tiny/infer', 'POST', 'POST'],
    ['/v1/responses/resp_1', 'DELETE', 'GET, DELETE, HEAD'],
    ['/health/live', 'GET', 'GET, HEAD'],
    [ADMIN, 'GET', 'GET, HEAD'],
  ])('of %s by %s is answered: %s', async (path, method, methods) => {
    const names = 'authorization,content-type, X-Stainless-Retry-Count,x-golek-timeout-ms';
    const { status, headers, body } = await preflight(await open([OTHER, APP]), path, { method, names });
    expect([status, body]).toEqual([204, '']);
    expect(headers).toMatchObject({
      ...READABLE,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'authorization, content-type, X-Stainless-Retry-Count, x-golek-timeout-ms',
      'access-control-max-age': '600',
      'x-request-id': expect.stringMatching(/^req_/) as string,
    });
    for (const name of ['content-length', 'transfer-encoding', 'access-control-allow-credentials'])
      expect(headers).not.toHaveProperty(name);
  });

  test('without headers, and one of a route of a plugin', async () => {
    const server = await open([APP]);
    expect((await preflight(server, CHAT)).headers).not.toHaveProperty('access-control-allow-headers');
    const handle = () => ({ body: 'mine', headers: { vary: 'accept' } });
    const routes = [{ method: 'PUT' as const, path: '/mine', handle }];
    await server.extensions.change({ routes: { remove: [], add: routes } });
    const { status, headers } = await preflight(server, '/mine', { method: 'PUT' });
    expect([status, headers['access-control-allow-methods']]).toEqual([204, 'PUT']);
    const answer = await send(server, 'PUT', '/mine', { origin: APP });
    expect(answer).toMatchObject({ status: 200, headers: { ...READABLE, vary: 'Origin, accept' } });
  });

  test.each([
    ['too many', Array.from({ length: 65 }, (_, i) => `x-${i}`).join(','), 'names 65 headers; send at most 64'],
    ['no name', 'content-type, x y', "has 'x y'"],
    ['too long', 'x'.repeat(129), "has 'xxx"],
    ['another character', 'x-é', 'which is no name of a header'],
  ])('that asks for nonsense is refused: %s', async (_, names, message) => {
    const { status, headers, body } = await preflight(await open([APP]), CHAT, { names });
    expect(status).toBe(400);
    expect(body).toContain(message);
    expect(headers).toMatchObject(READABLE);
  });

  test('of another origin, of no route, and OPTIONS by itself are answered as without the setting', async () => {
    const server = await open([APP]);
    for (const origin of [OTHER, 'null', `${APP}.evil.example`, `${APP}:8443`, 'http://app.example.com'])
      expect(await preflight(server, CHAT, { origin })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(corsOf(await preflight(server, CHAT, { origin: OTHER }))).toEqual([]);
    expect(await preflight(server, '/nothing')).toMatchObject({ status: 404, headers: READABLE });
    expect(await preflight(server, CHAT, { method: 'DELETE' })).toMatchObject({ status: 405, headers: READABLE });
    expect((await send(server, 'OPTIONS', CHAT, { origin: APP })).status).toBe(405);
    expect((await preflight(await serve(), CHAT)).status).toBe(405);
  });

  test('needs no credentials, but a host that is answered', async () => {
    const guarded = await open([APP], { config: { adminToken: TOKEN } });
    expect((await preflight(guarded, ADMIN, { method: 'GET', names: 'authorization' })).status).toBe(204);
    const local = await open([APP]);
    const asked = { host: 'evil.example', origin: APP, 'access-control-request-method': 'POST' };
    expect(await send(local, 'OPTIONS', CHAT, asked)).toMatchObject({ status: 403, headers: READABLE });
  });
});

describe('an answer', () => {
  test('plain, streamed, refused and to no route can be read by pages of the origins', async () => {
    const server = await open([APP], { config: { adminToken: TOKEN } });
    const post = (body: object, origin = APP) => send(server, 'POST', CHAT, { origin }, JSON.stringify(body));
    const answers = [
      [200, await post(chat())],
      [200, await post(chat({ stream: true }))],
      [404, await post(chat({ model: 'none' }))],
      [400, await post([])],
      [401, await send(server, 'GET', ADMIN, { origin: APP })],
      [404, await send(server, 'GET', '/nothing', { origin: APP })],
      [405, await send(server, 'PUT', CHAT, { origin: APP })],
      [200, await send(server, 'GET', ADMIN, { origin: APP, authorization: `Bearer ${TOKEN}` })],
    ] as const;
    for (const [status, answer] of answers) {
      expect(answer).toMatchObject({ status, headers: READABLE });
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    }
    expect(answers[1][1].body).toContain('[DONE]');
    const other = await post(chat(), OTHER);
    expect([other.status, corsOf(other), other.headers['vary']]).toEqual([200, [], undefined]);
    const program = await send(server, 'POST', CHAT, {}, JSON.stringify(chat()));
    expect([program.status, corsOf(program), program.headers['vary']]).toEqual([200, [], undefined]);
  });

  test('to any page for `*`, save of what administers the server', async () => {
    const server = await open(['*', APP]);
    const everyone = { ...READABLE, 'access-control-allow-origin': '*' };
    expect(await preflight(server, CHAT, { origin: OTHER })).toMatchObject({ status: 204, headers: everyone });
    expect(await send(server, 'GET', '/v1/models', { origin: 'null' })).toMatchObject({
      status: 200,
      headers: everyone,
    });
    expect(await send(server, 'GET', '/v1/models', { origin: APP })).toMatchObject({ headers: READABLE });
    const refused = await preflight(server, ADMIN, { origin: OTHER, method: 'GET' });
    expect([refused.status, corsOf(refused)]).toEqual([405, []]);
    const read = await send(server, 'GET', ADMIN, { origin: 'http://localhost:5173' });
    expect([read.status, corsOf(read)]).toEqual([200, []]);
    expect((await preflight(server, ADMIN, { method: 'GET' })).status).toBe(204);
  });

  test('a preflight for `*` names no method that administers the server', async () => {
    const routes = (['GET', 'DELETE'] as const).map((method) => ({
      method,
      path: '/both',
      scope: method === 'GET' ? ('inference' as const) : ('admin' as const),
      handle: () => undefined,
    }));
    const server = await open(['*', APP], { routes });
    const asked = async (origin: string) =>
      (await preflight(server, '/both', { origin, method: 'GET' })).headers['access-control-allow-methods'];
    expect([await asked(OTHER), await asked(APP)]).toEqual(['GET, HEAD', 'GET, DELETE, HEAD']);
  });

  test('changes with the setting', async () => {
    const server = await open([]);
    const asked = async () => (await preflight(server, CHAT)).status;
    expect(await asked()).toBe(405);
    server.server.configure({ ...CONFIG, origins: [APP] });
    expect(await asked()).toBe(204);
  });
});

test('a page of elsewhere administers nothing without credentials, by no route', async () => {
  const server = await open([APP]);
  const unload = { model: 'tiny', messages: [], keep_alive: 0 };
  const ask = async (origin: string) =>
    (await send(server, 'POST', '/api/chat', { origin }, JSON.stringify(unload))).status;
  expect([await ask(APP), await ask('http://localhost:5173')]).toEqual([403, 200]);
  expect((await send(server, 'GET', ADMIN, { origin: APP })).status).toBe(403);
});

test('`*` without credentials is warned of, once each time that it becomes so', async () => {
  const warnings = ({ lines }: TestServer): number =>
    lines.filter(({ level, message }) => level === 'warn' && message.includes("http.origins has '*'")).length;
  const reachable = { host: '0.0.0.0', allowUnauthenticated: true };
  expect(warnings(await open(['*'], { config: reachable }))).toBe(1);
  expect(warnings(await open([APP], { config: reachable }))).toBe(0);
  expect(warnings(await open(['*'], { config: { host: '0.0.0.0', adminToken: TOKEN } }))).toBe(0);
  const local = await open([APP]);
  const { server } = local;
  const counted = (origins: readonly string[]): number => {
    server.configure({ ...CONFIG, origins });
    return warnings(local);
  };
  expect([counted(['*']), counted(['*', APP]), counted([]), counted(['*'])]).toEqual([1, 1, 1, 2]);
});
