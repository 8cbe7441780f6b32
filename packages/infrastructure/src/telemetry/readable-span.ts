import type { SpanData } from '@golek/api';
import { SpanKind, SpanStatusCode, TraceFlags, type HrTime, type SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

const KINDS: Readonly<Record<SpanData['kind'], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
};

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

/** A finished span of Golek as OpenTelemetry's processors take it. It keeps its ids, so no tracer of theirs has to make it again. */
export const readableSpan = (
  span: SpanData,
  resource: Resource,
  scope: ReadableSpan['instrumentationScope'],
): ReadableSpan => {
  const { traceId, spanId, parentSpanId, name, kind, startTime, endTime, attributes, events = [], error } = span;
  const context = contextOf(traceId, spanId);
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => context,
    ...(parentSpanId !== undefined && { parentSpanContext: contextOf(traceId, parentSpanId) }),
    startTime: hrTime(startTime),
    endTime: hrTime(endTime),
    duration: hrTime(Math.max(0, endTime - startTime)),
    status: error ? { code: SpanStatusCode.ERROR, message: error.message } : { code: SpanStatusCode.UNSET },
    attributes,
    links: [],
    events: events.map((event) => ({
      name: event.name,
      time: hrTime(event.time),
      attributes: event.attributes ?? {},
      droppedAttributesCount: 0,
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
};
