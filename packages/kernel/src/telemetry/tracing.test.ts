import { expect, test } from 'vitest';
import type { SpanData } from '@golek/api';
import { createCall } from '../create-call.ts';
import { chatOf } from '../kernel.fixture.ts';
import { Tracing, unsampledTrace } from './tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const parent = (flags: string): string => `00-${TRACE}-b7ad6b7169203331-${flags}`;
const describe = () => ({ name: 'POST /x', kind: 'server' }) as const;

const tracing = (sampleRatio: number, followParent = true) => {
  const spans: SpanData[] = [];
  const it = new Tracing({ sampleRatio, followParent, contentLength: 0 });
  it.sink = (span) => void spans.push(span);
  return { it, spans };
};

test('without a sink nothing is recorded, whatever the caller says; its trace is passed on', () => {
  const it = new Tracing({ sampleRatio: 1, followParent: true, contentLength: 0 });
  const { trace, span } = it.begin(parent('01'), () => {
    throw new Error('not asked');
  });
  expect(span).toBeUndefined();
  expect(trace).toMatchObject({ traceId: TRACE, traceparent: parent('01') });
  expect(trace.sink).toBeUndefined();
});

test("a caller's decision is followed, and its span is the parent", () => {
  const { it, spans } = tracing(0);
  const { trace, span } = it.begin(parent('01'), describe);
  expect(trace.traceparent).toBe(`00-${TRACE}-${trace.spanId}-01`);
  span!.end();
  span!.end({ type: 'late', message: 'a second end does nothing' });
  expect(spans).toEqual([
    expect.objectContaining({ traceId: TRACE, parentSpanId: 'b7ad6b7169203331', name: 'POST /x', kind: 'server' }),
  ]);
  expect(tracing(1).it.begin(parent('00'), describe).span).toBeUndefined();
});

test('unless told not to: then the ratio decides for all', () => {
  expect(tracing(0, false).it.begin(parent('01'), describe).span).toBeUndefined();
  expect(tracing(1, false).it.begin(parent('00'), describe).span).toBeDefined();
});

test('the ratio holds, is the same decision for one trace id everywhere, and changes live', () => {
  const { it } = tracing(0.25);
  let sampled = 0;
  for (let i = 0; i < 4_000; i++) if (it.begin(undefined, describe).span) sampled += 1;
  expect(sampled / 4_000).toBeGreaterThan(0.2);
  expect(sampled / 4_000).toBeLessThan(0.3);
  it.configure({ sampleRatio: 0, followParent: true, contentLength: 0 });
  expect(it.begin(undefined, describe).span).toBeUndefined();
  const received = parent('00');
  expect(tracing(0.5, false).it.begin(received, describe).span === undefined).toBe(
    tracing(0.5, false).it.begin(received, describe).span === undefined,
  );
});

test.each(['', 'nonsense', `ff-${TRACE}-b7ad6b7169203331-01`, `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])(
  'a malformed traceparent %s is ignored',
  (received) => {
    const { traceId, traceparent } = unsampledTrace(received);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(traceId).not.toBe(TRACE);
    expect(traceparent).toMatch(/-00$/);
  },
);

test('a call takes the trace that was begun for it', () => {
  const { trace } = tracing(1).it.begin(undefined, describe);
  const call = createCall({
    request: chatOf('m'),
    signal: new AbortController().signal,
    trace,
    traceparent: parent('01'),
  });
  expect(call.trace).toBe(trace);
});
