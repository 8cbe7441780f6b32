import { GolekError, type SpanData } from '@golek/api';
import type { Log, SpanSink, TelemetryExporter } from '@golek/plugins-api';
import type { ExtensionConsumer } from '../extensions/extension-point.ts';
import { ExporterQueue, type ExportCounts, type ExportLimits } from './exporter-queue.ts';
import type { MetricRegistry } from './metric-registry.ts';
import type { Tracing } from './tracing.ts';

export interface TelemetryPipelineOptions {
  readonly tracing: Tracing;
  readonly registry: MetricRegistry;
  readonly log: Log;
  readonly limits: ExportLimits;
  /** Exporters get all metrics so often, milliseconds. */
  readonly metricsIntervalMs: number;
  /** At the end and when an exporter is removed, what waits has this long to leave, milliseconds. */
  readonly closeMs: number;
}

/** Brings spans and metrics to the exporters, which may change while the runtime works. Without one that takes spans, nothing is recorded at all. */
export class TelemetryPipeline implements ExtensionConsumer<TelemetryExporter>, AsyncDisposable {
  readonly #options: TelemetryPipelineOptions;
  readonly #queues = new Map<TelemetryExporter, ExporterQueue>();
  readonly #sinks = new Set<SpanSink>();
  #interval: NodeJS.Timeout | undefined;

  constructor(options: TelemetryPipelineOptions) {
    this.#options = options;
  }

  /** Refuses two exporters of one name: their counts could not be told apart. */
  check(exporters: readonly TelemetryExporter[]): void {
    const names = new Set<string>();
    for (const { name } of exporters) {
      if (names.has(name))
        throw new GolekError('plugin_invalid', `two telemetry exporters are named '${name}'; rename one`);
      names.add(name);
    }
  }

  async apply(exporters: readonly TelemetryExporter[]): Promise<void> {
    const { limits, log, closeMs } = this.#options;
    const gone = [...this.#queues].filter(([exporter]) => !exporters.includes(exporter));
    for (const [exporter] of gone) this.#queues.delete(exporter);
    for (const exporter of exporters) {
      if (!this.#queues.has(exporter)) this.#queues.set(exporter, new ExporterQueue(exporter, limits, log));
    }
    this.#rewire();
    await Promise.all(gone.map(([, queue]) => queue.close(closeMs)));
  }

  /** A sink that keeps a queue of its own, until disposed. */
  attach(sink: SpanSink): Disposable {
    this.#sinks.add(sink);
    this.#rewire();
    return {
      [Symbol.dispose]: () => {
        this.#sinks.delete(sink);
        this.#rewire();
      },
    };
  }

  /** By exporter's name. */
  counts(): ReadonlyMap<string, ExportCounts> {
    return new Map([...this.#queues].map(([{ name }, queue]) => [name, queue.counts]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sinks.clear();
    await this.apply([]);
  }

  #rewire(): void {
    const { tracing, registry, metricsIntervalMs } = this.#options;
    const queues = [...this.#queues.values()];
    const spans = queues.filter((queue) => queue.takesSpans);
    const sinks = [
      ...this.#sinks,
      ...spans.map(
        (queue) =>
          (span: SpanData): void =>
            queue.push(span),
      ),
    ];
    tracing.sink = joined(sinks);
    clearInterval(this.#interval);
    this.#interval = undefined;
    const metrics = queues.filter((queue) => queue.takesMetrics);
    if (metrics.length === 0) return;
    this.#interval = setInterval(() => {
      const readings = registry.collect();
      for (const queue of metrics) queue.pushMetrics(readings);
    }, metricsIntervalMs).unref();
  }
}

const joined = (sinks: readonly SpanSink[]): SpanSink | undefined => {
  if (sinks.length < 2) return sinks[0];
  return (span) => {
    for (const sink of sinks) sink(span);
  };
};
