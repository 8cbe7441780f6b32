import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve, untilReady, type GolekServer } from './golek-server.fixture.ts';

/** Folder with `prometheus` and `promtool`; without it those of PATH. */
const FOLDER = process.env['TEST_PROMETHEUS'];
/** Where the checks must not be left out. */
const REQUIRED = process.env['CI'] === 'true' || FOLDER !== undefined;

const programOf = (name: string): string | undefined =>
  [...(FOLDER === undefined ? [] : [FOLDER]), ...(process.env['PATH'] ?? '').split(path.delimiter)]
    .map((folder) => path.join(folder, name))
    .find(existsSync);

const promtool = programOf('promtool');
const prometheus = programOf('prometheus');

if (!promtool || !prometheus) {
  console.warn(
    'prometheus and promtool are not here: the checks against the real programs are left out (Debian: apt-get install prometheus, or TEST_PROMETHEUS=folder)',
  );
}

let server: GolekServer;
let grpcPort: number;

/** Calls methods without a message in their requests. @returns the status of each. */
const call = async (...paths: readonly string[]): Promise<unknown[]> => {
  const session = connect(`http://127.0.0.1:${grpcPort}`);
  try {
    return await Promise.all(
      paths.map(async (name) => {
        const headers = { ':method': 'POST', ':path': name, 'content-type': 'application/grpc', te: 'trailers' };
        const stream = session.request(headers).end(Buffer.alloc(5)).resume();
        let sent: unknown;
        const noted = (told: Readonly<Record<string, unknown>>): unknown => (sent ??= told['grpc-status']);
        stream.on('response', noted).on('trailers', noted);
        await once(stream, 'close');
        return sent;
      }),
    );
  } finally {
    session.close();
  }
};

const ask = async (body: object): Promise<void> => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: golekTiny.name, temperature: 0, max_tokens: 8, ...body }),
  });
  await response.text();
};

const messages = [{ role: 'user', content: 'Hello!' }];

beforeAll(async () => {
  grpcPort = await freePort();
  server = await serve({ environment: { GOLEK_GRPC_PORT: String(grpcPort) } });
  await untilReady(server.url);
  expect(
    await call('/inference.GRPCInferenceService/ServerLive', '/inference.GRPCInferenceService/NoSuchMethod'),
  ).toEqual(['0', '12']);
  await Promise.all([
    ...Array.from({ length: 8 }, (_, i) => ask({ messages, stream: i % 2 === 0 })),
    ask({ messages, model: 'no such "model"' }),
    ask({ messages: 'not a list' }),
    fetch(`${server.url}/nowhere`).then((response) => response.text()),
    fetch(`${server.url}/v1/models`).then((response) => response.text()),
  ]);
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

const scrape = async (accept?: string): Promise<{ readonly type: string | null; readonly text: string }> => {
  const response = await fetch(`${server.url}/metrics`, accept === undefined ? {} : { headers: { accept } });
  expect(response.status).toBe(200);
  return { type: response.headers.get('content-type'), text: await response.text() };
};

test('GET /metrics says what happened, in the format that is asked for', async () => {
  const { type, text } = await scrape();
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain(
    'golek_requests_total{model="golek-tiny",provider="gguf",operation="chat",outcome="completed"} 8\n',
  );
  expect(text).toContain('golek_requests_total{operation="chat",outcome="failed",code="model_not_found"} 1\n');
  expect(text).toContain('golek_model_state{model="golek-tiny",provider="gguf",state="ready"} 1\n');
  expect(text).toMatch(
    /http_server_request_duration_seconds_count\{method="POST",route="\/v1\/chat\/completions",status="400"\} 1\n/,
  );
  expect(text).toMatch(
    /golek_request_prefill_duration_seconds_count\{model="golek-tiny",provider="gguf",operation="chat"\} 8\n/,
  );
  expect(text).toContain(
    'rpc_server_call_duration_seconds_count{rpc_system_name="grpc",method="inference.GRPCInferenceService/ServerLive",status="OK"} 1\n',
  );
  expect(text).toContain(
    'rpc_server_call_duration_seconds_count{rpc_system_name="grpc",method="_OTHER",status="UNIMPLEMENTED",code="UNIMPLEMENTED"} 1\n',
  );
  expect(text).not.toMatch(/no such|NoSuch/);
  const open = await scrape('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  expect(open.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(open.text.endsWith('# EOF\n')).toBe(true);
});

test('every metric stands in the guide', async () => {
  const guide = await readFile(path.resolve(import.meta.dirname, '../../../docs/guide/observability.md'), 'utf8');
  const { text } = await scrape();
  const names = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
});

test('a flood of names that clients invent adds no series', { timeout: 60_000 }, async () => {
  const series = async (): Promise<number> =>
    (await scrape()).text.split('\n').filter((line) => !line.startsWith('#')).length;
  await fetch(`${server.url}/invented-path`).then((response) => response.text());
  const before = await series();
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        Promise.all([
          ask({ messages, model: `invented-${round}-${i}`, user: `tenant-${round}-${i}` }),
          fetch(`${server.url}/invented-${round}-${i}`, { method: i % 2 ? 'GET' : 'POST' }).then((r) => r.text()),
          call(`/invented.Service/Invented${round}${i}`),
        ]),
      ),
    );
  }
  expect(await series()).toBeLessThan(before + 60);
});

describe.skipIf(!REQUIRED && !(promtool && prometheus))('the real Prometheus', () => {
  test('promtool check metrics has nothing to say', async () => {
    if (!promtool) throw new Error(`promtool is not in ${FOLDER ?? 'PATH'}`);
    const { text } = await scrape();
    const checked = spawnSync(promtool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect([checked.status, checked.stdout, checked.stderr]).toEqual([0, '', '']);
  });

  test('a server of Prometheus scrapes without an error and answers queries', { timeout: 90_000 }, async () => {
    if (!prometheus) throw new Error(`prometheus is not in ${FOLDER ?? 'PATH'}`);
    const folder = await mkdtemp(path.join(tmpdir(), 'golek-prometheus-'));
    const target = server.url.replace('http://', '');
    await writeFile(
      path.join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: golek, static_configs: [{ targets: ['${target}'] }] }]\n`,
    );
    const port = await freePort();
    const child = spawn(
      prometheus,
      [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    try {
      const api = `http://127.0.0.1:${port}/api/v1`;
      const scraped = await eventually(
        async () => {
          const { data } = (await (await fetch(`${api}/targets`)).json()) as {
            readonly data: {
              readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[];
            };
          };
          return data.activeTargets.find(({ health }) => health !== 'unknown');
        },
        () => output,
      );
      expect(scraped).toMatchObject({ health: 'up', lastError: '' });
      const query = encodeURIComponent('sum(golek_requests_total{model="golek-tiny",outcome="completed"})');
      const value = await eventually(
        async () => {
          const { data } = (await (await fetch(`${api}/query?query=${query}`)).json()) as {
            readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
          };
          return data.result[0]?.value[1];
        },
        () => output,
      );
      expect(Number(value)).toBe(8);
    } finally {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    }
  });
});

const freePort = async (): Promise<number> => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
};

const eventually = async <T>(read: () => Promise<T | undefined>, why: () => string): Promise<T> => {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const value = await read().catch(() => undefined);
    if (value !== undefined) return value;
    await sleep(100);
  }
  throw new Error(`nothing within 30 s:\n${why()}`);
};
