import { LOCAL_PRINCIPAL, type InferenceRequest, type Principal } from '@golek/api';
import type { InferenceCall, RoutingHints, TraceContext } from '@golek/plugins-api';
import { randomHex } from './random-hex.ts';
import { unsampledTrace } from './telemetry/tracing.ts';

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
  /** A trace that has begun already; `traceparent` is not looked at then. */
  readonly trace?: TraceContext | undefined;
  /** `performance.now()` when the request came in; default now. */
  readonly receivedAt?: number;
  readonly hints?: RoutingHints | undefined;
  readonly priority?: number | undefined;
  /** In `performance.now()`; the signal must end the call then. */
  readonly deadline?: number | undefined;
  /** Of a protocol that bounds answers for which the request names no limit. */
  readonly defaultMaxTokens?: number | undefined;
  /** Nothing of the answer is read before its end. */
  readonly whole?: boolean | undefined;
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
}

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
  trace,
  receivedAt = performance.now(),
  hints,
  priority,
  deadline,
  defaultMaxTokens,
  whole,
  overrides,
}: CreateCallOptions): InferenceCall =>
  Object.freeze({
    id: id ?? newRequestId(),
    request,
    principal,
    signal,
    trace: trace ?? unsampledTrace(traceparent),
    receivedAt,
    protocol,
    ...(hints && { hints }),
    ...(priority !== undefined && { priority }),
    ...(deadline !== undefined && { deadline }),
    ...(defaultMaxTokens !== undefined && { defaultMaxTokens }),
    ...(whole && { whole }),
    ...(overrides && { overrides }),
  });
