import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GenerateRequest, ModelSession, Provider, SpanData } from '@golek/providers-spi';
import { createIsolatedGgufProvider } from './index.ts';
import { stagesOf, timingsOf } from './run-times.ts';
import { openTiny, tinySource } from './tiny-model.fixture.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${SPAN}-01`;
const request: GenerateRequest = {
  task: 'generate',
  model: 'golek-tiny',
  input: { type: 'text', prompt: 'The little dog' },
  sampling: { temperature: 0 },
  maxTokens: 12,
};

const open: { provider: Provider; session: ModelSession }[] = [];
beforeAll(async () => {
  const isolated = createIsolatedGgufProvider({ threads: 1, gpu: false });
  open.push(await openTiny(), {
    provider: isolated,
    session: await isolated.open(tinySource, { signal: new AbortController().signal }),
  });
});
afterAll(() => Promise.all(open.map(({ provider }) => provider[Symbol.asyncDispose]())));

/** Waits for what comes from another process after the run's end. */
const arrived = async (spans: readonly SpanData[], count: number): Promise<void> => {
  await expect.poll(() => spans.length, { timeout: 20_000 }).toBe(count);
};

test.each([
  ['in process', 0],
  ['in a process of its own', 1],
])('%s, a traced run gives the spans queue, prefill and decode, and its timings', async (_name, index) => {
  const session = open[index]!.session;
  const spans: SpanData[] = [];
  const before = performance.timeOrigin + performance.now();
  let timings: object | undefined;
  const context = {
    id: 'r',
    signal: new AbortController().signal,
    traceparent,
    onSpan: (span: SpanData) => void spans.push(span),
  };
  for await (const event of session.run(request, context)) if (event.type === 'usage') timings = event.usage.timings;
  const after = performance.timeOrigin + performance.now();
  await arrived(spans, 3);
  expect(spans.map(({ name }) => name)).toEqual(['queue', 'prefill', 'decode']);
  for (const span of spans) {
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, kind: 'internal' });
    expect(span.error).toBeUndefined();
    // Two processes of one machine: their clocks start from the same time of day, to some milliseconds.
    expect(span.startTime).toBeGreaterThan(before - 250);
    expect(span.endTime).toBeLessThan(after + 250);
    expect(span.endTime).toBeGreaterThanOrEqual(span.startTime);
  }
  expect(spans[0]!.attributes['process.pid'] === process.pid).toBe(index === 0);
  expect(spans[2]!.attributes['gen_ai.usage.output_tokens']).toBe(12);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(3);
  expect(timings).toEqual({
    queueMs: expect.any(Number),
    prefillMs: expect.any(Number),
    decodeMs: expect.any(Number),
  });
});

test.each([
  ['in process', 0],
  ['in a process of its own', 1],
])('%s, an aborted run ends its spans with an error', async (_name, index) => {
  const session = open[index]!.session;
  const spans: SpanData[] = [];
  const controller = new AbortController();
  const context = {
    id: 'r',
    signal: controller.signal,
    traceparent,
    onSpan: (span: SpanData) => void spans.push(span),
  };
  const run = (async () => {
    for await (const event of session.run({ ...request, maxTokens: 400 }, context)) {
      if (event.type === 'text') controller.abort();
    }
  })();
  await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  await arrived(spans, 3);
  expect(spans[1]!.error).toBeUndefined();
  expect(spans[2]).toMatchObject({
    name: 'decode',
    error: { type: 'cancelled' },
    attributes: { 'error.type': 'cancelled' },
  });
});

test('a run that is not traced gives no spans; the load is told', async () => {
  const session = open[1]!.session;
  const context = { id: 'r', signal: new AbortController().signal, traceparent: `00-${TRACE}-${SPAN}-00` };
  for await (const event of session.run(request, context)) expect(event.type).not.toBe('error');
  expect(open[0]!.session.health().load).toMatchObject({ running: 0, waiting: 0, kvCache: 0 });
  expect(session.health().load).toBeDefined();
});

test('stages of several answers: from the first start to the last end', () => {
  const stages = stagesOf(10, [
    { startedAt: 14, firstTokenAt: 20, endedAt: 50 },
    { startedAt: 12, firstTokenAt: 22, endedAt: 70 },
  ]);
  expect(timingsOf(stages)).toEqual({ queueMs: 2, prefillMs: 8, decodeMs: 50 });
  const unstarted = stagesOf(10, [{ startedAt: undefined, firstTokenAt: undefined, endedAt: undefined }]);
  expect(timingsOf(unstarted)).toEqual({ queueMs: 0, prefillMs: 0, decodeMs: 0 });
});
