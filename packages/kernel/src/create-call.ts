import { LOCAL_PRINCIPAL, type InferenceRequest, type Principal } from '@golek/api';
import type { InferenceCall, TraceContext } from '@golek/plugins-api';
import { randomHex } from './random-hex.ts';

export interface CreateCallOptions {
  readonly request: InferenceRequest;
  readonly signal: AbortSignal;
  readonly principal?: Principal;
  /** Default `local`. */
  readonly protocol?: string;
  /** Request id; made when absent. */
  readonly id?: string;
  /** The caller's `traceparent` header; a malformed one is ignored, as W3C Trace Context demands. */
  readonly traceparent?: string | undefined;
}

/** version - trace id - parent id - flags; version ff is invalid, as are ids of zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}$/;

const traceOf = (received: string | undefined): TraceContext => {
  const match = received === undefined ? null : TRACEPARENT.exec(received);
  if (match) return { traceId: match[1] as string, spanId: match[2] as string, traceparent: match[0] };
  const traceId = randomHex(16);
  const spanId = randomHex(8);
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-00` };
};

/** A new request id. */
export const newRequestId = (): string => `req_${randomHex(16)}`;

/** Makes a call out of a request; everything absent gets its default. */
export const createCall = ({
  request,
  signal,
  principal = LOCAL_PRINCIPAL,
  protocol = 'local',
  id,
  traceparent,
}: CreateCallOptions): InferenceCall =>
  Object.freeze({
    id: id ?? newRequestId(),
    request,
    principal,
    signal,
    trace: traceOf(traceparent),
    receivedAt: performance.now(),
    protocol,
  });
