import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { golek, startGolek } from './spawn-cli.fixture.ts';
import { targetTable } from './target-table.ts';

test('a target that is spared is shown with the time left and its last failure', () => {
  const table = targetTable([
    {
      model: 'remote',
      provider: 'cloud',
      breaker: {
        state: 'open',
        failures: 5,
        retryAfterMs: 8_400,
        lastError: { code: 'provider_failed', message: 'status 500' },
      },
      inFlight: 2,
      queued: 0,
      retriesLeft: 100,
      policy: { timeouts: {}, retry: {}, breaker: {}, bulkhead: {}, hedge: {} },
    },
  ]);
  expect(stripVTControlCharacters(table)).toBe(
    'MODEL   PROVIDER  BREAKER     FAILURES  IN HAND  WAITING  RETRIES LEFT\n' +
      'remote  cloud     open (9 s)  5         2        0        100\n' +
      '  last failure: status 500 [provider_failed]\n',
  );
});

test('golek targets shows and resets the targets of the running server', { timeout: 60_000 }, async () => {
  const server = startGolek(['serve', '--log-level', 'silent']);
  try {
    const port = new URL((await server.line(/^golek listens on/)).replace('golek listens on ', '')).port;
    const targets = (...args: string[]) => golek(['targets', ...args], '', { GOLEK_HTTP_PORT: port });
    const [list, json, reset, misspelt] = await Promise.all([
      targets('list'),
      targets('list', '--json'),
      targets('reset', 'golek-tiny'),
      targets('reset', 'golek-tny'),
    ]);
    expect(list.out).toMatch(
      /^MODEL +PROVIDER +BREAKER[^\n]+\ngolek-tiny +gguf +closed +0 +0 +0 +100\ngolek-embed +onnx +closed +0 +0 +0 +100\n$/,
    );
    const policy = { retry: { attempts: 2 } };
    expect(JSON.parse(json.out)).toMatchObject({
      targets: [
        { model: 'golek-tiny', policy },
        { model: 'golek-embed', policy },
      ],
    });
    const closed = expect.stringMatching(/^MODEL[^\n]+\ngolek-tiny +gguf +closed +0 +0 +0 +100\n$/);
    expect(reset).toMatchObject({ code: 0, out: closed });
    expect(misspelt).toMatchObject({ code: 1, err: expect.stringContaining("did you mean 'golek-tiny'?") });
  } finally {
    server.child.kill('SIGTERM');
    await server.ended;
  }
});
