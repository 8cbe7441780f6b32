import { expect, test } from 'vitest';
import { GolekError, type SpanData } from '@golek/api';
import type { InterceptorContribution } from '@golek/plugins-api';
import { createCall } from '../create-call.ts';
import { chatOf, eventsOf, kernelOf } from '../kernel.fixture.ts';
import { ATTR, GOLEK_ATTR } from './semantic-conventions.ts';
import { Tracing } from './tracing.ts';

const recorded = (contentLength = 0) => {
  const spans: SpanData[] = [];
  const tracing = new Tracing({ sampleRatio: 1, followParent: true, contentLength });
  tracing.sink = (span) => void spans.push(span);
  const { trace, span } = tracing.begin(undefined, () => ({ name: 'root' }));
  const call = (model: string, content = 'hi', signal = new AbortController().signal) =>
    createCall({ request: chatOf(model, content), signal, trace });
  return { spans, call, trace, root: span! };
};

const named = (spans: readonly SpanData[], name: string): SpanData => {
  const found = spans.find((span) => span.name === name);
  if (!found) throw new Error(`no span '${name}' in ${spans.map((span) => span.name).join(', ')}`);
  return found;
};

const pass: InterceptorContribution = {
  phase: 'PRE_PROCESSING',
  name: 'pass',
  intercept: (next) => (call) => next(call),
};

/** Goes on after more than a millisecond. */
const slow: InterceptorContribution = {
  ...pass,
  name: 'slow',
  intercept: (next) => (call) => {
    for (const end = performance.now() + 1.1; performance.now() < end;);
    return next(call);
  },
};

test('a recorded call is one span with its slow phases and attempts under it, and no content', async () => {
  const { engine } = await kernelOf({ hello: { answer: ['Hello', ' world'] } }, [slow]);
  const { spans, call, trace } = recorded();
  await eventsOf(engine.run(call('hello', 'a secret question')));
  const inference = named(spans, 'chat hello');
  expect(inference.parentSpanId).toBe(trace.spanId);
  expect(inference.attributes).toMatchObject({
    [ATTR.operation]: 'chat',
    [ATTR.requestModel]: 'hello',
    [ATTR.responseModel]: 'hello',
    [ATTR.provider]: 'fake',
    [ATTR.finishReasons]: ['stop'],
    [ATTR.outputTokens]: 2,
    [ATTR.timeToFirstChunk]: expect.any(Number),
    [GOLEK_ATTR.outcome]: 'completed',
  });
  for (const name of ['PRE_PROCESSING slow', 'attempt hello']) {
    expect(named(spans, name)).toMatchObject({ parentSpanId: inference.spanId, traceId: trace.traceId });
  }
  const { startTime, endTime } = named(spans, 'PRE_PROCESSING slow');
  expect(endTime - startTime).toBeGreaterThanOrEqual(1);
  expect(startTime).toBeGreaterThanOrEqual(inference.startTime);
  expect(endTime).toBeLessThanOrEqual(named(spans, 'attempt hello').endTime);
  expect(JSON.stringify(spans)).not.toMatch(/secret|Hello/);
});

test('phases that go on at once are events of the inference, in their order', async () => {
  const { engine } = await kernelOf({ hello: {} }, [pass]);
  // The first run of a phase, not compiled yet, may take longer than a short one.
  for (let run = 0; run < 200; run++) await eventsOf(engine.run(recorded().call('hello')));
  const { spans, call } = recorded();
  await eventsOf(engine.run(call('hello')));
  const inference = named(spans, 'chat hello');
  const told = [
    ...(inference.events ?? []).map(({ name, time }) => ({ name, time })),
    ...spans.filter(({ name }) => /^[A-Z_]+ /.test(name)).map(({ name, endTime }) => ({ name, time: endTime })),
  ].toSorted((a, b) => a.time - b.time);
  expect(told.map(({ name }) => name)).toEqual(['ROUTE golek.route', 'PRE_PROCESSING pass']);
  expect(inference.events?.length).toBeGreaterThan(0);
  for (const { time, attributes } of inference.events ?? []) {
    expect(attributes?.[GOLEK_ATTR.phaseDuration]).toBeLessThan(0.0001);
    expect(time).toBeGreaterThanOrEqual(inference.startTime);
  }
});

test('a call that is not recorded makes no span and is not changed', async () => {
  let trace: unknown;
  const watch: InterceptorContribution = {
    ...pass,
    intercept: (next) => (call) => {
      trace = call.trace;
      return next(call);
    },
  };
  const { engine } = await kernelOf({ hello: {} }, [watch]);
  const call = createCall({ request: chatOf('hello'), signal: new AbortController().signal });
  await eventsOf(engine.run(call));
  expect(trace).toBe(call.trace);
});

test('content is recorded when asked for, within its bound', async () => {
  const { engine } = await kernelOf({ hello: { answer: ['abcdef', 'ghij'] } });
  const { spans, call } = recorded(8);
  await eventsOf(engine.run(call('hello', 'a long question')));
  const { attributes } = named(spans, 'chat hello');
  expect(JSON.parse(String(attributes[ATTR.inputMessages]))).toEqual([
    { role: 'user', parts: [{ type: 'text', content: 'a long q' }] },
  ]);
  expect(JSON.parse(String(attributes[ATTR.outputMessages]))).toEqual([
    { role: 'assistant', parts: [{ type: 'text', content: 'abcdefgh' }] },
  ]);
  expect(attributes[GOLEK_ATTR.contentTruncated]).toBe(true);
});

test.each([
  [
    'throws when called',
    () => {
      throw new GolekError('permission_denied', 'no');
    },
  ],
  [
    'throws while it is read',
    async function* () {
      yield* [];
      throw new GolekError('permission_denied', 'no');
    },
  ],
] as const)('a phase that %s ends its span and the inference with the error', async (_name, handler) => {
  const refuse: InterceptorContribution = {
    phase: 'AUTHORIZE',
    name: 'refuse',
    retryable: false,
    intercept: () => handler,
  };
  const { engine } = await kernelOf({ hello: {} }, [refuse]);
  const { spans, call } = recorded();
  await expect(eventsOf(engine.run(call('hello')))).rejects.toMatchObject({ code: 'permission_denied' });
  for (const name of ['AUTHORIZE refuse', 'chat hello']) {
    expect(named(spans, name)).toMatchObject({
      error: { type: 'permission_denied', message: 'no' },
      attributes: { [ATTR.errorType]: 'permission_denied' },
    });
  }
});

test('a phase that answers itself says so', async () => {
  const cache: InterceptorContribution = {
    phase: 'PRE_PROCESSING',
    name: 'cache',
    intercept: () =>
      async function* () {
        yield { type: 'start', model: 'hello', provider: 'cache' };
        yield { type: 'finish', choice: 0, reason: 'stop' };
      },
  };
  const { engine } = await kernelOf({ hello: {} }, [cache]);
  const { spans, call } = recorded();
  await eventsOf(engine.run(call('hello')));
  expect(named(spans, 'PRE_PROCESSING cache').attributes[GOLEK_ATTR.answered]).toBe(true);
  expect(spans.some(({ name }) => name.startsWith('attempt'))).toBe(false);
});

test('a consumer that leaves, and one that aborts, end every span with an error', async () => {
  const { engine } = await kernelOf({ long: { answer: Array.from({ length: 500 }, () => 'word ') } }, [pass]);
  const left = recorded();
  for await (const event of engine.run(left.call('long'))) if (event.type === 'text') break;
  expect(named(left.spans, 'chat long')).toMatchObject({ error: { type: 'cancelled' } });
  expect(named(left.spans, 'attempt long').endTime).toBeGreaterThan(0);

  const aborted = recorded();
  const controller = new AbortController();
  const run = (async () => {
    for await (const event of engine.run(aborted.call('long', 'hi', controller.signal))) {
      if (event.type === 'text') controller.abort();
    }
  })();
  await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  expect(named(aborted.spans, 'chat long')).toMatchObject({ error: { type: 'cancelled' } });
});
