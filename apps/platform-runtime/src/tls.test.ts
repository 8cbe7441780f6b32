import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import {
  TEST_CA,
  TEST_CLIENT_CERTIFICATE,
  TEST_CLIENT_KEY,
  TEST_SERVER_CERTIFICATE,
  TEST_SERVER_KEY,
} from '@golek/faulty-upstream';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';
import { adminRequest, serverAnswers } from './cli/admin-client.ts';
import { loadSettings } from './config/platform-config.ts';
import { INFERENCE_SERVICE } from './grpc/service-definition.ts';
import { HTTP_SERVER } from './modules/http-module.ts';
import { startGolek, type RunningGolek } from './running-golek.fixture.ts';

const FILES = {
  certificate: TEST_SERVER_CERTIFICATE,
  key: TEST_SERVER_KEY,
  clientCa: TEST_CA,
} as const;

const folder = async (): Promise<string> => {
  const made = await mkdtemp(path.join(tmpdir(), 'golek-tls-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(FILES)) await writeFile(path.join(made, name), text);
  return made;
};

/** Settings that refer to the files. */
const by = (made: string, ...names: (keyof typeof FILES)[]): object =>
  Object.fromEntries(names.map((name) => [name, `file:${path.join(made, name)}`]));

const serve = async (config: object): Promise<RunningGolek> => {
  const golek = await startGolek(config);
  onTestFinished(() => golek[Symbol.asyncDispose]());
  return golek;
};

interface Shown {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

const CLIENT: Shown = { cert: TEST_CLIENT_CERTIFICATE, key: TEST_CLIENT_KEY };

const get = (url: string, shown: Shown = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    request(url, { ca: TEST_CA, agent: false, ...shown }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });

const live = async (golek: RunningGolek, { cert, key, ca = TEST_CA }: Shown = {}): Promise<unknown> => {
  const bytes = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  const client = new Client(`127.0.0.1:${golek.grpcPort}`, credentials.createSsl(bytes(ca), bytes(key), bytes(cert)), {
    // The library cannot ask for numbers.
    'grpc.ssl_target_name_override': 'localhost',
  });
  const { path: method, requestSerialize, responseDeserialize } = INFERENCE_SERVICE['serverLive']!;
  try {
    return await new Promise((resolve, reject) => {
      const within = { deadline: Date.now() + 10_000 };
      client.makeUnaryRequest(method, requestSerialize, responseDeserialize, {}, within, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  } finally {
    client.close();
  }
};

const subjectAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });

test('HTTP and gRPC speak TLS by the settings of the HTTP server', { timeout: 60_000 }, async () => {
  const golek = await serve({ http: { tls: by(await folder(), 'certificate', 'key') } });
  expect(golek.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(await get(`${golek.url}/health/live`)).toBe(200);
  expect(await live(golek)).toEqual({ live: true });
  await expect(get(`${golek.url}/health/live`, { ca: TEST_CLIENT_CERTIFICATE })).rejects.toThrow();
  await expect(fetch(golek.url.replace('https', 'http'))).rejects.toThrow();
});

test(
  'a command asks the server of its configuration over TLS, and trusts its certificate only',
  { timeout: 60_000 },
  async () => {
    const made = await folder();
    const golek = await serve({ http: { tls: by(made, 'certificate', 'key') } });
    const { port } = golek.system.get(HTTP_SERVER).address;
    const { signal } = new AbortController();
    const configured = async (tls: object) =>
      (await loadSettings({ environment: { GOLEK_HOME: made, GOLEK_HTTP_PORT: String(port), ...tls } })).configuration;
    const [certificate, key] = [`file:${path.join(made, 'certificate')}`, `file:${path.join(made, 'key')}`];
    const own = await configured({ GOLEK_HTTP_TLS_CERTIFICATE: certificate, GOLEK_HTTP_TLS_KEY: key });
    expect(await serverAnswers(own, signal)).toBe(true);
    expect(await adminRequest(own, { method: 'GET', path: '/models', signal })).toMatchObject({
      models: expect.any(Array),
    });
    await writeFile(path.join(made, 'other'), TEST_CLIENT_CERTIFICATE);
    await writeFile(path.join(made, 'other-key'), TEST_CLIENT_KEY);
    const other = await configured({
      GOLEK_HTTP_TLS_CERTIFICATE: `file:${path.join(made, 'other')}`,
      GOLEK_HTTP_TLS_KEY: `file:${path.join(made, 'other-key')}`,
    });
    expect(await serverAnswers(other, signal)).toBe(false);
    const mutual = await configured({
      GOLEK_HTTP_TLS_CERTIFICATE: certificate,
      GOLEK_HTTP_TLS_KEY: key,
      GOLEK_HTTP_TLS_CLIENT_CA: `file:${path.join(made, 'clientCa')}`,
    });
    await expect(adminRequest(mutual, { method: 'GET', path: '/models', signal })).rejects.toMatchObject({
      code: 'unsupported',
    });
  },
);

test('gRPC may have TLS of its own, and want certificates of its clients', { timeout: 60_000 }, async () => {
  const golek = await serve({ grpc: { port: 0, tls: by(await folder(), 'certificate', 'key', 'clientCa') } });
  expect(golek.url).toMatch(/^http:/);
  expect((await fetch(`${golek.url}/health/live`)).status).toBe(200);
  expect(await live(golek, CLIENT)).toEqual({ live: true });
  await expect(live(golek)).rejects.toMatchObject({ code: 14 });
});

test('HTTP may want certificates of its clients, beside credentials', { timeout: 60_000 }, async () => {
  const token = '0123456789abcdef';
  const golek = await serve({ http: { adminToken: token, tls: by(await folder(), 'certificate', 'key', 'clientCa') } });
  expect(await get(`${golek.url}/health/live`, CLIENT)).toBe(200);
  expect(await get(`${golek.url}/admin/v1/models`, CLIENT)).toBe(401);
  await expect(get(`${golek.url}/health/live`)).rejects.toThrow();
  await expect(live(golek)).rejects.toMatchObject({ code: 14 });
});

test(
  'Golek before Golek with certificates on both sides, over gRPC, HTTP/1.1 and HTTP/2',
  { timeout: 90_000 },
  async () => {
    const made = await folder();
    const back = await serve({ http: { tls: by(made, 'certificate', 'key', 'clientCa') } });
    for (const [name, text] of Object.entries({ cert: TEST_CLIENT_CERTIFICATE, own: TEST_CLIENT_KEY }))
      await writeFile(path.join(made, name), text);
    const [ca, certificate, key] = ['clientCa', 'cert', 'own'].map((name) => `file:${path.join(made, name)}`);
    const tls = { ca, certificate, key };
    const front = await serve({
      upstreams: [
        { id: 'by-grpc', type: 'triton', baseUrl: `https://127.0.0.1:${back.grpcPort}`, tls },
        { id: 'by-rest', type: 'triton', protocol: 'http', baseUrl: back.url, tls },
        { id: 'by-http', baseUrl: `${back.url}/v1`, dialect: 'llama-cpp', tls },
        { id: 'by-http2', baseUrl: `${back.url}/v1`, dialect: 'llama-cpp', tls, http2: true },
        { id: 'unknown', baseUrl: `${back.url}/v1`, tls: { ca } },
      ],
      models: {
        list: ['by-grpc', 'by-rest', 'by-http', 'by-http2', 'unknown'].map((provider) => ({
          name: provider,
          provider,
          model: 'golek-tiny',
          options: { tasks: ['generate'] },
        })),
      },
    });
    const ask = (model: string) =>
      front.run({
        task: 'generate',
        model,
        input: { type: 'text', prompt: 'Hello' },
        sampling: { temperature: 0 },
        maxTokens: 4,
      });
    const there = await back.run({
      task: 'generate',
      model: 'golek-tiny',
      input: { type: 'text', prompt: 'Hello' },
      sampling: { temperature: 0 },
      maxTokens: 4,
    });
    for (const model of ['by-grpc', 'by-rest', 'by-http', 'by-http2'])
      expect((await ask(model)).choices[0]?.text, model).toBe(there.choices[0]?.text);
    await expect(ask('unknown')).rejects.toMatchObject({ code: 'provider_failed' });
  },
);

test('a certificate that is renewed is shown to new connections, without a restart', { timeout: 60_000 }, async () => {
  const made = await folder();
  const golek = await serve({ http: { tls: by(made, 'certificate', 'key') } });
  const ports = [golek.system.get(HTTP_SERVER).address.port, golek.grpcPort];
  for (const port of ports) expect(await subjectAt(port)).toBe('localhost');
  // Between the two files the settings do not fit together: the old ones stay.
  await writeFile(path.join(made, 'certificate'), TEST_CLIENT_CERTIFICATE);
  await writeFile(path.join(made, 'key'), TEST_CLIENT_KEY);
  for (const port of ports) await expect.poll(() => subjectAt(port), { timeout: 30_000 }).toBe('golek-client');
});

test.each([
  [{ certificate: 'certificate' }, 'http.tls.key is missing'],
  [{ clientCa: 'clientCa' }, 'http.tls.clientCa needs http.tls.certificate'],
  [{ certificate: 'clientCa', key: 'key' }, 'http.tls.certificate and key cannot be used together'],
  [
    { certificate: 'key', key: 'certificate' },
    'http.tls.certificate holds no certificate in PEM; give its text, or file:',
  ],
  [{ certificate: 'certificate', key: 'key', clientCa: 'key' }, 'http.tls.clientCa holds no certificate'],
])('%j does not start', { timeout: 60_000 }, async (names, message) => {
  const made = await folder();
  const tls = Object.fromEntries(Object.entries(names).map(([key, file]) => [key, `file:${path.join(made, file)}`]));
  const error = await startGolek({ http: { tls } }).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  expect(error?.message).toContain(message);
  expect(error?.message).not.toContain('BEGIN');
});
