import { randomBytes } from 'node:crypto';
import type { Attributes, SpanData } from '@golek/api';
import type { GolekError } from '@golek/api/plain';

/** What happened, and when: milliseconds since the epoch. */
export interface SpanPiece extends Pick<SpanData, 'name' | 'startTime' | 'endTime'> {
  readonly attributes: Attributes;
  /** Why it did not come to its end. */
  readonly error: Pick<GolekError, 'code' | 'message'> | undefined;
}

/** A span under the one that a `traceparent` names. */
export const childSpan = (
  traceparent: string,
  { name, startTime, endTime, attributes, error }: SpanPiece,
): SpanData => {
  const [, traceId = '', parentSpanId = ''] = traceparent.split('-');
  return {
    traceId,
    parentSpanId,
    spanId: randomBytes(8).toString('hex'),
    name,
    kind: 'internal',
    startTime,
    endTime,
    attributes: { ...attributes, ...(error && { 'error.type': error.code }) },
    ...(error && { error: { type: error.code, message: error.message } }),
  };
};
