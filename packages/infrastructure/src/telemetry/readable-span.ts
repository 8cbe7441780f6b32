import type { SpanData } from '@golek/api';
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanStatus,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';

const KINDS: Readonly<Record<SpanData['kind'], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
};

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/** Milliseconds, with fraction, as seconds and nanoseconds. */
export const hrTime = (ms: number): HrTime => {
  const seconds = Math.trunc(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
};

const contextOf = (traceId: string, spanId: string): SpanContext => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
});

/**
 * A finished span of Golek as OpenTelemetry's processors take it. It keeps its ids, so no tracer of theirs has to make it again. What the exporter reads is made
 * when it reads it: what a span holds while it waits in the queue outlives young garbage collections and is copied by them.
 */
export class FinishedSpan implements ReadableSpan {
  readonly resource: Resource;
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  // The interface does not allow it to be there and undefined, as a getter would be.
  readonly parentSpanContext?: SpanContext;
  readonly #span: SpanData;

  constructor(span: SpanData, resource: Resource, scope: ReadableSpan['instrumentationScope']) {
    this.#span = span;
    this.resource = resource;
    this.instrumentationScope = scope;
    const { traceId, parentSpanId } = span;
    if (parentSpanId !== undefined) this.parentSpanContext = contextOf(traceId, parentSpanId);
  }

  get name(): string {
    return this.#span.name;
  }

  get kind(): SpanKind {
    return KINDS[this.#span.kind];
  }

  spanContext(): SpanContext {
    return contextOf(this.#span.traceId, this.#span.spanId);
  }

  get startTime(): HrTime {
    return hrTime(this.#span.startTime);
  }

  get endTime(): HrTime {
    return hrTime(this.#span.endTime);
  }

  get duration(): HrTime {
    return hrTime(Math.max(0, this.#span.endTime - this.#span.startTime));
  }

  get status(): SpanStatus {
    const { error } = this.#span;
    return error ? { code: SpanStatusCode.ERROR, message: error.message } : UNSET;
  }

  get attributes(): Attributes {
    return this.#span.attributes;
  }

  get events(): TimedEvent[] {
    const { events = [] } = this.#span;
    return events.map(({ name, time, attributes = {} }) => ({
      name,
      time: hrTime(time),
      attributes,
      droppedAttributesCount: 0,
    }));
  }

  get links(): ReadableSpan['links'] {
    return [];
  }

  get ended(): boolean {
    return true;
  }

  get droppedAttributesCount(): number {
    return 0;
  }

  get droppedEventsCount(): number {
    return 0;
  }

  get droppedLinksCount(): number {
    return 0;
  }
}
