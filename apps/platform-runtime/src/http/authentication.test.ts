import { GolekError, type Principal } from '@golek/api';
import type { Authenticator } from '@golek/plugins-api';
import { describe, expect, test } from 'vitest';
import { dial, readAll } from './raw-exchange.fixture.ts';
import { chat, CONFIG, serve, type ServeOptions, type TestServer } from './server.fixture.ts';

const TOKEN = 'correct-horse-battery-staple';
const CHAT = '/v1/chat/completions';
const ADMIN = '/admin/v1/usage';

interface Asked {
  readonly token?: string;
  readonly host?: string;
  readonly origin?: string;
}

/** Status and error code of a bare request, so that any Host can be named. */
const ask = async (
  { server }: TestServer,
  path: string,
  { token, host = 'localhost', origin }: Asked = {},
): Promise<string> => {
  const socket = await dial(`http://127.0.0.1:${server.address.port}`);
  const answer = readAll(socket);
  const body = path === CHAT ? JSON.stringify(chat()) : '';
  socket.write(
    [
      `${path === CHAT ? 'POST' : 'GET'} ${path} HTTP/1.1`,
      `host: ${host}`,
      'connection: close',
      ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
      ...(origin === undefined ? [] : [`origin: ${origin}`]),
      ...(path === CHAT ? ['content-type: application/json', `content-length: ${body.length}`] : []),
      '',
      body,
    ].join('\r\n'),
  );
  const text = await answer;
  const code = /"code":"(\w+)"\}\}/.exec(text)?.[1];
  return `${/^HTTP\/1.1 (\d+)/.exec(text)?.[1] ?? ''}${code === undefined ? '' : ` ${code}`}`;
};

const user = (id: string, ...scopes: string[]): Principal => ({ id, tenant: 'acme', scopes });

/** Knows tokens that begin with its name. */
const authenticator = (name: string, order: number, answer: Authenticator['authenticate']): Authenticator => ({
  name,
  order,
  authenticate: (credentials, signal) =>
    String(credentials.headers['authorization']).startsWith(`Bearer ${name}`) ? answer(credentials, signal) : undefined,
});

const withAuthenticators = async (options: ServeOptions, ...add: Authenticator[]): Promise<TestServer> => {
  const server = await serve({ tiny: {} }, options);
  await server.extensions.change({ authenticators: { remove: [], add } });
  return server;
};

/** What each kind of server answers: [inference, admin, public] for no credentials, an unknown token, the administrator's token; then for a foreign host. */
const MATRIX: readonly (readonly [what: string, config: NonNullable<ServeOptions['config']>, expected: string[][]])[] =
  [
    [
      'loopback, no token',
      {},
      [
        ['200', '200', '200'],
        ['200', '200', '200'],
        ['200', '200', '200'],
        ['403 permission_denied', '403 permission_denied', '403 permission_denied'],
      ],
    ],
    [
      'loopback with a token',
      { adminToken: TOKEN },
      [
        ['200', '401 unauthenticated', '200'],
        ['200', '401 unauthenticated', '200'],
        ['200', '200', '200'],
        ['403 permission_denied', '401 unauthenticated', '200'],
      ],
    ],
    [
      'loopback, opened to others',
      { allowUnauthenticated: true },
      [
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
      ],
    ],
    [
      'beyond loopback with a token',
      { host: '0.0.0.0', adminToken: TOKEN },
      [
        ['401 unauthenticated', '401 unauthenticated', '200'],
        ['401 unauthenticated', '401 unauthenticated', '200'],
        ['200', '200', '200'],
        ['401 unauthenticated', '401 unauthenticated', '200'],
      ],
    ],
    [
      'beyond loopback, opened to others',
      { host: '0.0.0.0', allowUnauthenticated: true },
      [
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
        ['200', '403 permission_denied', '200'],
      ],
    ],
    [
      'beyond loopback with a token, opened to others',
      { host: '0.0.0.0', adminToken: TOKEN, allowUnauthenticated: true },
      [
        ['200', '401 unauthenticated', '200'],
        ['200', '401 unauthenticated', '200'],
        ['200', '200', '200'],
        ['200', '401 unauthenticated', '200'],
      ],
    ],
  ];

describe('without authenticators', () => {
  test.each(MATRIX)('%s', async (_, config, expected) => {
    const server = await serve({ tiny: {} }, { config });
    const asked: Asked[] = [{}, { token: 'none' }, { token: TOKEN }, { host: 'golek.example' }];
    const answers: string[][] = [];
    for (const one of asked) {
      answers.push(await Promise.all([CHAT, ADMIN, '/health/live'].map((path) => ask(server, path, one))));
    }
    expect(answers).toEqual(expected);
  });

  test('the administrator may come by any host', async () => {
    const server = await serve({ tiny: {} }, { config: { adminToken: TOKEN } });
    expect(await ask(server, ADMIN, { token: TOKEN, host: 'golek.example' })).toBe('200');
  });

  test('a web page may not administer what its visitor may, unless it is of this machine', async () => {
    const server = await serve();
    expect(await ask(server, ADMIN, { origin: 'https://evil.example' })).toBe('403 permission_denied');
    expect(await ask(server, ADMIN, { origin: 'null' })).toBe('403 permission_denied');
    expect(await ask(server, ADMIN, { origin: 'http://localhost:5173' })).toBe('200');
    const guarded = await serve({ tiny: {} }, { config: { adminToken: TOKEN } });
    expect(await ask(guarded, ADMIN, { origin: 'https://console.example', token: TOKEN })).toBe('200');
  });

  test('a refusal says what is taken, in the words of OpenAI', async () => {
    const { url } = await serve({ tiny: {} }, { config: { adminToken: TOKEN } });
    const response = await fetch(url + ADMIN, { headers: { authorization: 'Bearer wrong' } });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="golek"');
    expect(await response.json()).toEqual({
      error: {
        message:
          'the credentials of the request are not known here; check the token in the Authorization or x-api-key header',
        type: 'authentication_error',
        param: null,
        code: 'unauthenticated',
      },
    });
  });

  test('a token that can be guessed is refused; a changed one takes effect at once', async () => {
    await expect(serve({ tiny: {} }, { config: { adminToken: 'short' } })).rejects.toMatchObject({
      code: 'config_invalid',
    });
    const server = await serve({ tiny: {} }, { config: { adminToken: TOKEN } });
    const limits = { ...CONFIG, bodyLimitBytes: 1024 };
    expect(() => server.server.configure({ ...limits, adminToken: 'short' })).toThrow('at least 16');
    server.server.configure({ ...limits, adminToken: 'another-long-secret' });
    expect(await ask(server, ADMIN, { token: TOKEN })).toBe('401 unauthenticated');
    expect(await ask(server, ADMIN, { token: 'another-long-secret' })).toBe('200');
    const large = await server.post(CHAT, chat({ user: 'x'.repeat(2000) }));
    expect(await large.json()).toMatchObject({ error: { code: 'request_too_large' } });
  });
});

describe('with authenticators', () => {
  test("the log says once that nobody has the administrator's token, with the remedy", async () => {
    const told = ({ lines }: TestServer): string[] =>
      lines.flatMap(({ level, message }) => (level === 'warn' ? [message] : []));
    const server = await serve({ tiny: {} }, { authenticators: [authenticator('own', 0, () => undefined)] });
    const limits = { ...CONFIG, bodyLimitBytes: 1024 };
    const warning = expect.stringMatching(/^the authenticator 'own' decides .*; set http\.adminToken in golek\.yaml/);
    server.server.configure(limits);
    expect(told(server)).toEqual([warning]);
    server.server.configure({ ...limits, adminToken: TOKEN });
    server.server.configure(limits);
    expect(told(server)).toEqual([warning, warning]);
    const calm = await serve(
      { tiny: {} },
      { config: { adminToken: TOKEN }, authenticators: [authenticator('own', 0, () => undefined)] },
    );
    expect(told(calm)).toEqual([]);
  });

  test('they are asked in order, at once or later; the call has the principal', async () => {
    const asked: string[] = [];
    const principals: Principal[] = [];
    const server = await withAuthenticators(
      {
        phases: [
          {
            phase: 'OBSERVABILITY',
            name: 'test.principals',
            observe: ({ principal }) => {
              principals.push(principal);
              return undefined;
            },
          },
        ],
      },
      { name: 'last', order: 9, authenticate: () => (asked.push('last'), undefined) },
      authenticator('slow', 1, async (_, signal) => {
        expect(signal.aborted).toBe(false);
        await Promise.resolve();
        return user('s', 'inference');
      }),
      authenticator('quick', 0, () => user('q', 'inference', 'admin')),
      { name: 'first', order: -1, authenticate: () => (asked.push('first'), undefined) },
    );
    expect(await ask(server, CHAT, { token: 'quick-1' })).toBe('200');
    expect(await ask(server, CHAT, { token: 'slow-1', host: 'golek.example' })).toBe('200');
    expect(principals).toEqual([user('q', 'inference', 'admin'), user('s', 'inference')]);
    expect(asked).toEqual(['first', 'first']);
    expect(await ask(server, ADMIN, { token: 'quick-1' })).toBe('200');
    expect(await ask(server, ADMIN, { token: 'slow-1' })).toBe('403 permission_denied');
    expect(await ask(server, CHAT, { token: 'other' })).toBe('401 unauthenticated');
    expect(asked.slice(-2)).toEqual(['first', 'last']);
  });

  test('nobody is let in without credentials, on loopback neither, nor where others are allowed', async () => {
    const server = await withAuthenticators(
      { config: { allowUnauthenticated: true, adminToken: TOKEN } },
      authenticator('key', 0, () => user('k', 'inference')),
    );
    expect(await ask(server, CHAT)).toBe('401 unauthenticated');
    expect(await ask(server, '/health/live', { host: 'golek.example' })).toBe('200');
    // No plugin can lock the administrator out.
    expect(await ask(server, ADMIN, { token: TOKEN })).toBe('200');
  });

  test('what an authenticator refuses or fails at is refused', async () => {
    const server = await withAuthenticators(
      {},
      authenticator('expired', 0, () => {
        throw new GolekError('unauthenticated', 'this key has expired');
      }),
      authenticator('broken', 0, () => {
        throw new TypeError('cannot read the key file at /secret/place');
      }),
      authenticator('async-broken', 0, () => Promise.reject(new TypeError('boom'))),
    );
    expect(await ask(server, CHAT, { token: 'expired' })).toBe('401 unauthenticated');
    expect(await ask(server, CHAT, { token: 'broken' })).toBe('502 plugin_failed');
    expect(await ask(server, CHAT, { token: 'async-broken' })).toBe('502 plugin_failed');
    const failures = server.lines.filter(({ message }) => message === 'an authenticator failed');
    expect(failures).toMatchObject([
      { fields: { authenticator: 'broken' } },
      { fields: { authenticator: 'async-broken' } },
    ]);
  });

  test('a client that leaves ends the question', async () => {
    const signals: AbortSignal[] = [];
    const server = await withAuthenticators(
      {},
      authenticator('hangs', 0, (_, signal) => {
        signals.push(signal);
        return new Promise(() => undefined);
      }),
    );
    const socket = await dial(server.url);
    socket.write('GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer hangs\r\n\r\n');
    await expect.poll(() => signals.length).toBe(1);
    socket.destroy();
    await expect.poll(() => signals[0]?.aborted).toBe(true);
  });

  test('the last one that goes does not open the server, unless it is open by configuration', async () => {
    const key = authenticator('key', 0, () => user('k', 'inference'));
    const gone = async (config: ServeOptions['config'] = {}): Promise<TestServer> => {
      const server = await withAuthenticators({ config }, key);
      await server.extensions.change({ authenticators: { remove: [key], add: [] } });
      return server;
    };
    const closed = await gone();
    expect(await ask(closed, CHAT)).toBe('401 unauthenticated');
    expect(await ask(closed, ADMIN)).toBe('401 unauthenticated');
    expect(await ask(await gone({ adminToken: TOKEN }), ADMIN, { token: TOKEN })).toBe('200');
    expect(await ask(await gone({ allowUnauthenticated: true }), CHAT)).toBe('200');
  });

  test('they make it possible to listen for others; without them the server that listens lets nobody in', async () => {
    const key = authenticator('key', 0, () => user('k', 'inference'));
    // Installed before the server listens, as plugins are.
    const server = await serve({ tiny: {} }, { config: { host: '0.0.0.0' }, authenticators: [key] });
    expect(await ask(server, CHAT, { token: 'key', host: 'golek.example' })).toBe('200');
    await server.extensions.change({ authenticators: { remove: [key], add: [] } });
    expect(await ask(server, CHAT, { token: 'key', host: 'golek.example' })).toBe('403 permission_denied');
    expect(await ask(server, CHAT, { token: 'key' })).toBe('401 unauthenticated');
    expect(await ask(server, ADMIN)).toBe('401 unauthenticated');
  });
});
