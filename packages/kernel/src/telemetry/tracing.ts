import type { SpanSink, TraceContext } from '@golek/plugins-api';
import { randomHex } from '../random-hex.ts';
import { ActiveSpan, type SpanOptions } from './span.ts';

/** version - trace id - parent id - flags; version ff is invalid, as are ids of zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})$/;

/** A `traceparent` header as received. */
interface RemoteParent extends TraceContext {
  readonly sampled: boolean;
}

/** Reads a `traceparent`; undefined for none and for a malformed one, which W3C Trace Context wants ignored. */
const readTraceparent = (received: string | undefined): RemoteParent | undefined => {
  const match = received === undefined ? null : TRACEPARENT.exec(received);
  if (!match) return undefined;
  const [traceparent, traceId = '', spanId = '', flags = ''] = match;
  const sampled = (Number.parseInt(flags, 16) & 1) === 1;
  return { traceId, spanId, traceparent, sink: undefined, content: undefined, event: undefined, sampled };
};

/** The trace of a call that nobody records: the caller's, or a new one. */
export const unsampledTrace = (received: string | undefined): TraceContext =>
  readTraceparent(received) ?? newTrace(randomHex(16));

const newTrace = (traceId: string): TraceContext => {
  const spanId = randomHex(8);
  // All keys in every trace: objects of one shape are read fastest.
  const traceparent = `00-${traceId}-${spanId}-00`;
  return { traceId, spanId, traceparent, sink: undefined, content: undefined, event: undefined };
};

export interface TracingOptions {
  /** Part of the requests without a parent that is recorded, 0 to 1. */
  readonly sampleRatio: number;
  /** True: a caller's `traceparent` decides for its request. False: the ratio decides for all. */
  readonly followParent: boolean;
  /** Characters of prompt and answer that are recorded on inference spans; 0 for none. */
  readonly contentLength: number;
}

/** The trace of a new request, and its root span where it is recorded. */
export interface BegunTrace {
  readonly trace: TraceContext;
  readonly span: ActiveSpan | undefined;
}

/** Decides, once for each request, whether its trace is recorded. Nothing is while there is no sink. */
export class Tracing {
  sink: SpanSink | undefined;
  #options: TracingOptions;

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  get options(): TracingOptions {
    return this.#options;
  }

  /** For the requests that begin from now on. */
  configure(options: TracingOptions): void {
    this.#options = options;
  }

  /** Begins the trace of a request; `describe` is asked when it is recorded. `received`: the `traceparent` that came with the request. */
  begin(received: string | undefined, describe: () => SpanOptions): BegunTrace {
    const { sink } = this;
    if (!sink) return { trace: unsampledTrace(received), span: undefined };
    const parent = readTraceparent(received);
    const traceId = parent?.traceId ?? randomHex(16);
    const { sampleRatio, followParent, contentLength } = this.#options;
    const sampled = parent && followParent ? parent.sampled : isSampled(traceId, sampleRatio);
    if (!sampled) return { trace: parent ?? newTrace(traceId), span: undefined };
    const spanId = randomHex(8);
    const trace: TraceContext = {
      traceId,
      spanId,
      traceparent: `00-${traceId}-${spanId}-01`,
      sink,
      content: contentLength > 0 ? contentLength : undefined,
      event: undefined,
    };
    return { trace, span: new ActiveSpan(trace, sink, parent?.spanId, describe()) };
  }
}

/** By the trace's id, so that every node decides the same: its last 56 bits are random by W3C Trace Context. */
const isSampled = (traceId: string, ratio: number): boolean =>
  Number.parseInt(traceId.slice(-8), 16) < ratio * 0x1_0000_0000;
