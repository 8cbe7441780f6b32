/** Values that a span's attribute may have, as OpenTelemetry defines them. */
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[];
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Something that happened at one moment of a span. */
export interface SpanEvent {
  readonly name: string;
  /** Unix time, milliseconds with fraction. */
  readonly time: number;
  readonly attributes?: Attributes;
}

/** A finished span as plain data: what crosses process borders and reaches exporters. Ids are lower-case hex (W3C Trace Context). */
export interface SpanData {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent for the root of a trace. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  /** Unix time, milliseconds with fraction. */
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: Attributes;
  readonly events?: readonly SpanEvent[];
  /** Present when the work of the span failed. */
  readonly error?: { readonly type: string; readonly message: string };
}
