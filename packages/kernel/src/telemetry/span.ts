import type { Attributes, AttributeValue, SpanData, SpanEvent } from '@golek/api';
import type { SpanSink, TraceContext } from '@golek/plugins-api';
import { randomHex } from '../random-hex.ts';

/** Unix time with the resolution of `performance.now()`, milliseconds. */
export const spanTime = (at: number = performance.now()): number => performance.timeOrigin + at;

/** A span in progress. */
export class ActiveSpan {
  /** For what is done under this span. */
  readonly trace: TraceContext;
  readonly #sink: SpanSink;
  readonly #parent: string | undefined;
  readonly #name: string;
  readonly #kind: SpanData['kind'];
  readonly #startTime: number;
  readonly #attributes: Record<string, AttributeValue>;
  #events: SpanEvent[] | undefined;
  #ended = false;

  constructor(
    trace: TraceContext,
    sink: SpanSink,
    parent: string | undefined,
    { name, kind = 'internal', attributes = {}, startedAt }: SpanOptions,
  ) {
    this.trace = trace;
    this.#sink = sink;
    this.#parent = parent;
    this.#name = name;
    this.#kind = kind;
    this.#startTime = spanTime(startedAt);
    this.#attributes = { ...attributes };
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** After the end it does nothing. */
  set(name: string, value: AttributeValue): void {
    if (this.#ended) return;
    this.#attributes[name] = value;
  }

  event(name: string, attributes?: Attributes): void {
    (this.#events ??= []).push({ name, time: spanTime(), ...(attributes && { attributes }) });
  }

  /** Hands the span over, once; further calls do nothing. */
  end(error?: SpanData['error']): void {
    if (this.#ended) return;
    this.#ended = true;
    // By assignment, not by spreading: it is done for every span of a recorded request.
    const data: { -readonly [Key in keyof SpanData]: SpanData[Key] } = {
      traceId: this.trace.traceId,
      spanId: this.trace.spanId,
      name: this.#name,
      kind: this.#kind,
      startTime: this.#startTime,
      endTime: spanTime(),
      attributes: this.#attributes,
    };
    if (this.#parent !== undefined) data.parentSpanId = this.#parent;
    if (this.#events) data.events = this.#events;
    if (error) data.error = error;
    this.#sink(data);
  }
}

export interface SpanOptions {
  /** By the conventions of what it stands for, e.g. `chat golek-tiny`. */
  readonly name: string;
  /** Default `internal`. */
  readonly kind?: SpanData['kind'];
  readonly attributes?: Attributes;
  /** `performance.now()` of the start, when it was before now. */
  readonly startedAt?: number;
}

/** Starts a span under a trace; undefined, at no cost, when the trace is not sampled. */
export const startSpan = (trace: TraceContext, options: SpanOptions): ActiveSpan | undefined => {
  const { sink, traceId, content } = trace;
  if (!sink) return undefined;
  const spanId = randomHex(8);
  const traceparent = `00-${traceId}-${spanId}-01`;
  const own: TraceContext = { traceId, spanId, traceparent, sink, content, event: undefined };
  return new ActiveSpan(own, sink, trace.spanId, options);
};
