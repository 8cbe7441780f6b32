import type { InferenceCall } from '@golek/plugins-api';
import { describe, expect, test } from 'vitest';
import { readHints } from './request-hints.ts';
import { chat, serve, type TestServer } from './server.fixture.ts';

const CHAT = '/v1/chat/completions';

const send = ({ post }: TestServer, headers: Record<string, string>, fields: object = {}): Promise<Response> =>
  post(CHAT, chat(fields), { headers: { 'content-type': 'application/json', ...headers } });

test('what a caller asks for reaches the call', async () => {
  const calls: InferenceCall[] = [];
  const server = await serve(
    { tiny: {} },
    {
      phases: [
        {
          phase: 'OBSERVABILITY',
          name: 'test.calls',
          observe: (call) => {
            calls.push(call);
            return undefined;
          },
        },
      ],
      readOverrides: (text) => ({ read: text }),
    },
  );
  const before = performance.now();
  const response = await send(server, {
    'x-golek-target': 'tiny',
    'x-golek-sticky': 'user 7',
    'x-golek-priority': '-3',
    'x-golek-timeout-ms': '60000',
    'x-golek-config': 'limits.maxTools=3',
  });
  expect(response.status).toBe(200);
  await send(server, {});
  expect(calls).toMatchObject([
    { hints: { target: 'tiny', sticky: 'user 7' }, priority: -3, overrides: { read: 'limits.maxTools=3' } },
    {},
  ]);
  expect(calls[0]?.deadline).toBeGreaterThan(before + 59_000);
  for (const absent of ['hints', 'priority', 'deadline', 'overrides']) expect(calls[1]).not.toHaveProperty(absent);
});

test.each([
  ['x-golek-device', 'tpu', "expected 'cpu', 'gpu' or 'remote'"],
  ['x-golek-priority', '11', 'from -10 to 10'],
  ['x-golek-priority', '1.5', 'from -10 to 10'],
  ['x-golek-timeout-ms', '0', 'from 1 to'],
  ['x-golek-timeout-ms', '1e3', 'from 1 to'],
  ['x-golek-target', 'x'.repeat(257), 'at most 256'],
  ['x-golek-sticky', 'é', 'printable ASCII'],
  ['x-golek-sticky', '', 'at least one character'],
])('%s: %s is refused', async (header, value, expected) => {
  const server = await serve();
  const response = await send(server, { [header]: value });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: 'invalid_request', param: header, message: expect.stringContaining(expected) as string },
  });
});

test('a header that is sent twice is no number', () => {
  expect(() => readHints({ 'x-golek-priority': '1, 2' }, () => ({}))).toThrow('x-golek-priority');
});

describe('x-golek-timeout-ms', () => {
  test('is one limit for all prompts of a request', async () => {
    const server = await serve({ tiny: { hang: { at: 0 } } });
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    const prompt = Array.from({ length: 40 }, (_, index) => `prompt ${index}`);
    const response = await server.post(
      '/v1/completions',
      { model: 'tiny', prompt },
      { headers: { 'content-type': 'application/json', 'x-golek-timeout-ms': '200' } },
    );
    expect(response.status).toBe(504);
    await expect.poll(() => server.provider.stats.active).toBe(0);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });
  test('an answer that comes too late is an error', async () => {
    const server = await serve({ tiny: { hang: { at: 0 } } });
    const response = await send(server, { 'x-golek-timeout-ms': '150' });
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ error: { code: 'deadline_exceeded' } });
    await expect.poll(() => server.provider.stats.active).toBe(0);
  });
  test('a stream that has begun ends with the error', async () => {
    const server = await serve({ tiny: { answer: ['a', 'b'], hang: { at: 1 } } });
    const response = await send(server, { 'x-golek-timeout-ms': '300' }, { stream: true });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('"content":"a"');
    expect(text).toMatch(/"code":"deadline_exceeded"\}\}\n\n$/);
    await expect.poll(() => server.provider.stats.active).toBe(0);
  });
});

describe('x-golek-route', () => {
  test('tells the target, in plain answers and streams, before the first byte', async () => {
    const server = await serve();
    server.registry.alias('chat', 'tiny');
    const plain = await send(server, {}, { model: 'chat' });
    expect(plain.headers.get('x-golek-route')).toMatch(/^chat; target=tiny(; |$)/);
    const stream = await send(server, {}, { model: 'chat', stream: true });
    expect(stream.headers.get('x-golek-route')).toBe(plain.headers.get('x-golek-route'));
    await stream.text();
  });
});
