import type { Attributes, SpanData } from '@golek/api';

/** One series of a metric, at one moment. */
export interface MetricPoint {
  readonly attributes: Attributes;
  /** Sum of a counter, value of a gauge; absent for a histogram. */
  readonly value?: number;
  readonly histogram?: {
    readonly count: number;
    readonly sum: number;
    /** Observations in each bucket: one more than there are bounds. */
    readonly counts: readonly number[];
  };
}

/** A metric with all its series. Counters and histograms count from the start of the runtime. */
export interface MetricData {
  /** E.g. `golek.request.duration`. */
  readonly name: string;
  readonly description: string;
  /** UCUM, e.g. `s`, `{token}`, `1`. */
  readonly unit: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** Upper bounds of a histogram's buckets, ascending; the last bucket is open. */
  readonly bounds?: readonly number[];
  readonly points: readonly MetricPoint[];
}

/** Takes telemetry to a monitoring system. Its failures are logged and counted and change nothing. */
export interface TelemetryExporter {
  readonly name: string;
  /** Finished spans, in batches. A batch that is not taken in time is dropped and counted. */
  exportSpans?(spans: readonly SpanData[], signal: AbortSignal): void | Promise<void>;
  /** Every metric, once per interval. */
  exportMetrics?(metrics: readonly MetricData[], signal: AbortSignal): void | Promise<void>;
}
