import { expect, it } from 'vitest';
import { childSpan } from './child-span.ts';

it('is a span under the one that the traceparent names, with its error as type and text', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const span = childSpan(traceparent, {
    name: 'prefill',
    startTime: 1,
    endTime: 2,
    attributes: { tokens: 3 },
    error: { code: 'cancelled', message: 'gone' },
  });
  expect(span).toEqual({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentSpanId: 'b7ad6b7169203331',
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
    name: 'prefill',
    kind: 'internal',
    startTime: 1,
    endTime: 2,
    attributes: { tokens: 3, 'error.type': 'cancelled' },
    error: { type: 'cancelled', message: 'gone' },
  });
});
