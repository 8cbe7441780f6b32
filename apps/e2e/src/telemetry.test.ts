import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { golekTiny } from '@golek/model-tiny';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childrenOf, serve, untilReady, type GolekServer } from './golek-server.fixture.ts';
import { OtlpCollector, type CollectedSpan } from './otlp-collector.fixture.ts';

/** What a collector must have of every answer. */
const WHOLE = ['POST /v1/chat/completions', 'chat golek-tiny', 'attempt golek-tiny', 'queue', 'prefill', 'decode'];

const PROMPT = 'Please describe the red kite.';
const ERROR = 2;

let collector: OtlpCollector;
let server: GolekServer;

beforeAll(async () => {
  collector = await OtlpCollector.start();
  server = await serve({ environment: collector.environment });
  await untilReady(server.url);
  await (await ask(PROMPT, parentOf(hex(16), '00'))).text();
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const parentOf = (traceId: string, flags: '00' | '01', spanId = hex(8)): string => `00-${traceId}-${spanId}-${flags}`;

const ask = (content: string, traceparent: string, more: object = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent },
    body: JSON.stringify({ model: golekTiny.name, temperature: 0, messages: [{ role: 'user', content }], ...more }),
    ...(signal && { signal }),
  });

/** The end of a turn is banned (token 2): the answer goes on until the context is full. */
const ENDLESS = { stream: true, logit_bias: { 2: -100 } };

const named = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
  const found = spans.find((span) => span.name === name);
  if (!found) throw new Error(`no span '${name}'`);
  return found;
};

test(
  'one connected trace from the client over HTTP, phases and attempt to the engine process',
  { timeout: 60_000 },
  async () => {
    const traceId = hex(16);
    const client = hex(8);
    const response = await ask(PROMPT, parentOf(traceId, '01', client), { stream: true });
    expect(await response.text()).toContain('[DONE]');
    const spans = await collector.waitFor(traceId, WHOLE);

    const ids = new Set(spans.map(({ spanId }) => spanId));
    expect(ids.size).toBe(spans.length);
    const roots = spans.filter(({ parentSpanId = '' }) => !ids.has(parentSpanId));
    expect(roots.map(({ name, parentSpanId }) => [name, parentSpanId])).toEqual([
      ['POST /v1/chat/completions', client],
    ]);
    const parentName = (name: string): string | undefined =>
      spans.find(({ spanId }) => spanId === named(spans, name).parentSpanId)?.name;
    expect(parentName('chat golek-tiny')).toBe('POST /v1/chat/completions');
    // A phase is an event of the inference, or a span where it took long.
    const events = (named(spans, 'chat golek-tiny').events ?? []).map(({ name }) => name);
    for (const phase of ['VALIDATE golek.validate', 'ROUTE golek.route']) {
      if (!events.includes(phase)) expect(parentName(phase)).toBe('chat golek-tiny');
    }
    expect(parentName('attempt golek-tiny')).toBe('chat golek-tiny');
    for (const name of ['queue', 'prefill', 'decode']) {
      expect(parentName(name)).toBe('attempt golek-tiny');
      expect(childrenOf(server.pid)).toContain(Number(named(spans, name).attributes['process.pid']));
    }
    expect(spans.filter(({ status }) => status.code === ERROR)).toEqual([]);
    expect(named(spans, 'POST /v1/chat/completions')).toMatchObject({
      kind: 2,
      attributes: { 'http.route': '/v1/chat/completions', 'http.response.status_code': 200 },
    });
    expect(named(spans, 'chat golek-tiny').attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'gguf',
      'gen_ai.response.model': 'golek-tiny',
      'gen_ai.usage.output_tokens': expect.any(Number),
    });
    // A child never starts before its parent, also over the process border, to within what two clocks of one machine differ.
    for (const { parentSpanId, startTimeUnixNano } of spans) {
      const parent = spans.find(({ spanId }) => spanId === parentSpanId);
      if (parent) expect(Number(startTimeUnixNano) - Number(parent.startTimeUnixNano)).toBeGreaterThan(-250e6);
    }
    expect(JSON.stringify(spans)).not.toContain('red kite');
  },
);

test('every log line of the request has its ids; none has its content', { timeout: 60_000 }, async () => {
  const traceId = hex(16);
  const response = await ask(PROMPT, parentOf(traceId, '01'));
  await response.text();
  const request = response.headers.get('x-request-id') ?? '';
  const lines = (): string[] =>
    server
      .output()
      .split('\n')
      .filter((line) => line.includes(request));
  for (let attempt = 0; attempt < 100 && lines().length === 0; attempt += 1) await sleep(50);
  expect(lines().length).toBeGreaterThan(0);
  const spans = await collector.waitFor(traceId, WHOLE);
  const { spanId } = named(spans, 'chat golek-tiny');
  for (const line of lines()) expect(JSON.parse(line)).toMatchObject({ request, trace: traceId, span: spanId });
  expect(server.output()).not.toContain('red kite');
});

test(
  'a request that its caller does not record leaves no span; probes and scrapes neither',
  { timeout: 60_000 },
  async () => {
    const [silent, told] = [hex(16), hex(16)];
    await (await ask(PROMPT, parentOf(silent, '00'))).text();
    await (await fetch(`${server.url}/metrics`, { headers: { traceparent: parentOf(silent, '01') } })).text();
    await (await ask(PROMPT, parentOf(told, '01'))).text();
    await collector.waitFor(told, WHOLE);
    expect(collector.trace(silent)).toEqual([]);
  },
);

test('a failed request is a trace with the error', { timeout: 60_000 }, async () => {
  const traceId = hex(16);
  expect((await ask(PROMPT, parentOf(traceId, '01'), { model: 'nope' })).status).toBe(404);
  const spans = await collector.waitFor(traceId, ['POST /v1/chat/completions', 'chat nope', 'ROUTE golek.route']);
  for (const name of ['chat nope', 'ROUTE golek.route']) {
    expect(named(spans, name)).toMatchObject({
      status: { code: ERROR },
      attributes: { 'error.type': 'model_not_found' },
    });
  }
});

test('a client that leaves ends every span, the unfinished ones with an error', { timeout: 60_000 }, async () => {
  const traceId = hex(16);
  const controller = new AbortController();
  const response = await ask(PROMPT, parentOf(traceId, '01'), ENDLESS, controller.signal);
  await response.body?.getReader().read();
  controller.abort();
  const spans = await collector.waitFor(traceId, WHOLE);
  for (const name of ['POST /v1/chat/completions', 'chat golek-tiny', 'decode']) {
    expect(named(spans, name)).toMatchObject({ status: { code: ERROR }, attributes: { 'error.type': 'cancelled' } });
  }
  expect(named(spans, 'prefill').status.code).not.toBe(ERROR);
});

test('a crash of the engine process ends its spans with the error', { timeout: 60_000 }, async () => {
  const traceId = hex(16);
  const response = await ask(PROMPT, parentOf(traceId, '01'), ENDLESS);
  const reader = response.body!.getReader();
  await reader.read();
  for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
  while (!(await reader.read()).done);
  const spans = await collector.waitFor(traceId, ['chat golek-tiny', 'attempt golek-tiny', 'engine']);
  for (const name of ['chat golek-tiny', 'attempt golek-tiny', 'engine']) {
    expect(named(spans, name)).toMatchObject({
      status: { code: ERROR },
      attributes: { 'error.type': 'engine_crashed' },
    });
  }
});

test('metrics came, too', { timeout: 60_000 }, async () => {
  for (let attempt = 0; attempt < 200 && collector.metricBatches === 0; attempt += 1) await sleep(50);
  expect(collector.metricBatches).toBeGreaterThan(0);
});
