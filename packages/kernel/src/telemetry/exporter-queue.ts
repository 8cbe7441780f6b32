import type { SpanData } from '@golek/api';
import type { Log, MetricData, TelemetryExporter } from '@golek/plugins-api';
import { abortable } from '../waiting/abortable.ts';

/** Bounds of what waits for one exporter. */
export interface ExportLimits {
  /** Spans that wait; more are dropped and counted. */
  readonly maxQueue: number;
  /** Spans in one batch. */
  readonly maxBatch: number;
  /** A batch leaves when it is full or after so long, milliseconds. */
  readonly delayMs: number;
  /** What is not taken within this time is given up and counted, milliseconds. */
  readonly limitMs: number;
}

export const DEFAULT_EXPORT_LIMITS: ExportLimits = Object.freeze({
  maxQueue: 2048,
  maxBatch: 512,
  delayMs: 2_000,
  limitMs: 10_000,
});

/** What became of the spans and metrics for one exporter. */
export interface ExportCounts {
  /** Spans that it took. */
  readonly exported: number;
  /** Spans that it did not take, or not in time. */
  readonly failed: number;
  /** Spans that found the queue full. */
  readonly dropped: number;
  /** Readings of the metrics that it did not take. */
  readonly metricsFailed: number;
}

/** Brings spans and metrics to one exporter: in batches, one at a time, never in the way of a request. */
export class ExporterQueue {
  readonly #exporter: TelemetryExporter;
  readonly #limits: ExportLimits;
  readonly #log: Log;
  readonly #closing = new AbortController();
  #waiting: SpanData[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #metrics: Promise<void> | undefined;
  /** Whether the last export failed: only changes are logged. */
  #failing = false;
  #exported = 0;
  #failed = 0;
  #dropped = 0;
  #metricsFailed = 0;

  constructor(exporter: TelemetryExporter, limits: ExportLimits, log: Log) {
    this.#exporter = exporter;
    this.#limits = limits;
    this.#log = log;
  }

  get takesSpans(): boolean {
    return this.#exporter.exportSpans !== undefined;
  }

  get takesMetrics(): boolean {
    return this.#exporter.exportMetrics !== undefined;
  }

  get counts(): ExportCounts {
    return {
      exported: this.#exported,
      failed: this.#failed,
      dropped: this.#dropped,
      metricsFailed: this.#metricsFailed,
    };
  }

  push(span: SpanData): void {
    if (this.#waiting.length >= this.#limits.maxQueue || this.#closing.signal.aborted) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= this.#limits.maxBatch) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), this.#limits.delayMs).unref();
  }

  /** A reading that comes while the one before is still on its way is left out and counted. */
  pushMetrics(metrics: readonly MetricData[]): void {
    if (!this.#exporter.exportMetrics) return;
    if (this.#metrics) {
      this.#metricsFailed += 1;
      return;
    }
    this.#metrics = this.#within((signal) => this.#exporter.exportMetrics?.(metrics, signal)).then((error) => {
      this.#metrics = undefined;
      if (error !== undefined) this.#metricsFailed += 1;
      this.#report(error);
    });
  }

  /** Sends what waits; what has not left within `limitMs` milliseconds is dropped and counted. */
  async close(limitMs: number): Promise<void> {
    const late = setTimeout(() => this.#closing.abort(new Error('telemetry is being closed')), limitMs);
    this.#send();
    while (this.#sending ?? this.#metrics) {
      await this.#sending;
      await this.#metrics;
    }
    clearTimeout(late);
    this.#closing.abort(new Error('telemetry is closed'));
    clearTimeout(this.#timer);
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#drain().finally(() => (this.#sending = undefined));
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      const batch = this.#waiting.splice(0, this.#limits.maxBatch);
      const error = await this.#within((signal) => this.#exporter.exportSpans?.(batch, signal));
      if (error === undefined) this.#exported += batch.length;
      else this.#failed += batch.length;
      this.#report(error);
    }
  }

  /** Runs an export within its limit, also one that does not heed its signal. @returns what it failed with. */
  async #within(run: (signal: AbortSignal) => void | Promise<void>): Promise<unknown> {
    const { limitMs } = this.#limits;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new Error(`it did not take them within ${limitMs} ms`)), limitMs);
    const signal = AbortSignal.any([late.signal, this.#closing.signal]);
    try {
      await abortable((async () => run(signal))(), signal);
      return undefined;
    } catch (thrown) {
      return thrown ?? new Error('it failed');
    } finally {
      clearTimeout(timer);
    }
  }

  #report(error: unknown): void {
    const { name } = this.#exporter;
    if (error !== undefined && !this.#failing)
      this.#log.warn({ exporter: name, err: error }, 'telemetry cannot be exported');
    else if (error === undefined && this.#failing) this.#log.info({ exporter: name }, 'telemetry is exported again');
    this.#failing = error !== undefined;
  }
}
