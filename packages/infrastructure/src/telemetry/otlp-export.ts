import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SILENT_LOG, type Log, type SpanData } from '@golek/api';
import type { MetricData } from '@golek/plugins-api';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  serviceNameEnvDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import { metricProducer } from './metric-producer.ts';
import { FinishedSpan } from './readable-span.ts';
import { watched } from './watched-exporter.ts';

export interface OtlpOptions {
  /** Base address of the collector, e.g. `http://127.0.0.1:4318`. Absent: the standard OTEL_EXPORTER_OTLP_* variables, which the SDK reads itself. */
  readonly endpoint?: string;
  /** Default `http/protobuf`. */
  readonly protocol?: 'http/protobuf' | 'http/json';
  /** Sent with each export, e.g. credentials. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `none`. */
  readonly compression?: 'none' | 'gzip';
  /** For one export, its retries included, milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /** Spans leave at least so often, milliseconds; default 2,000. */
  readonly delayMs?: number;
  /** Spans that wait or are on their way; more are dropped and counted. Default 4,096. */
  readonly maxQueue?: number;
  /** Default 30,000. */
  readonly metricsIntervalMs?: number;
  /** Whether spans are sent; default true. */
  readonly spans?: boolean;
  /** Gives all metrics; absent: none are sent. */
  readonly collect?: () => readonly MetricData[];
  readonly service: { readonly name: string; readonly version: string };
  /** Default: nothing is logged. */
  readonly log?: Log;
}

const DEFAULTS = {
  protocol: 'http/protobuf',
  headers: {},
  compression: 'none',
  timeoutMs: 10_000,
  delayMs: 2_000,
  maxQueue: 4_096,
  metricsIntervalMs: 30_000,
  spans: true,
  log: SILENT_LOG,
} as const satisfies Partial<OtlpOptions>;

type Settings = OtlpOptions & Required<Pick<OtlpOptions, keyof typeof DEFAULTS>>;

/** What became of spans. */
export interface OtlpCounts {
  readonly exported: number;
  readonly failed: number;
  readonly dropped: number;
}

const MAX_BATCH = 512;

/**
 * Golek's spans and metrics over OTLP, by OpenTelemetry's SDK for Node. The SDK is also registered globally, so that a plugin that uses `@opentelemetry/api` has its
 * spans and metrics exported the same way.
 */
export class OtlpExport {
  readonly #sdk: NodeSDK;
  readonly #processor: BatchSpanProcessor | undefined;
  readonly #resource: Resource;
  readonly #scope: ReadableSpan['instrumentationScope'];
  readonly #maxQueue: number;
  /** Taken and neither exported nor failed yet. */
  #pending = 0;
  #exported = 0;
  #failed = 0;
  #dropped = 0;

  private constructor(
    options: Settings,
    exporters: { readonly spans?: SpanExporter; readonly metrics?: PushMetricExporter },
  ) {
    const { service, log, maxQueue, metricsIntervalMs, timeoutMs, delayMs, collect } = options;
    this.#maxQueue = maxQueue;
    this.#scope = { name: service.name, version: service.version };
    this.#resource = resourceOf(service);
    // What the SDK has to say is about exports, whose failures are logged where they change.
    const debug = (message: string): void => log.debug({ exporter: 'otlp' }, message);
    const logger = { error: debug, warn: debug, info: debug, debug, verbose: debug };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    if (exporters.spans) {
      const exporter = watched<ReadableSpan[], SpanExporter>(exporters.spans, 'spans', log, (batch, ok) => {
        this.#pending -= batch.length;
        if (ok) this.#exported += batch.length;
        else this.#failed += batch.length;
      });
      this.#processor = new BatchSpanProcessor({
        exporter,
        maxQueueSize: maxQueue,
        maxExportBatchSize: Math.min(MAX_BATCH, maxQueue),
        scheduledDelayMillis: delayMs,
        exportTimeoutMillis: timeoutMs + 1_000,
      });
    }
    const reader =
      exporters.metrics &&
      collect &&
      new PeriodicExportingMetricReader({
        exporter: watched(exporters.metrics, 'metrics', log, () => undefined),
        exportIntervalMillis: metricsIntervalMs,
        exportTimeoutMillis: Math.min(timeoutMs + 1_000, metricsIntervalMs),
        metricProducers: [metricProducer(collect, this.#scope)],
      });
    this.#sdk = new NodeSDK({
      resource: this.#resource,
      autoDetectResources: false,
      textMapPropagator: null,
      // Whether a span is recorded was decided before it came here.
      sampler: new AlwaysOnSampler(),
      spanProcessors: this.#processor ? [this.#processor] : [],
      metricReaders: reader ? [reader] : [],
      logRecordProcessors: [],
    });
    this.#sdk.start();
  }

  /** Loads the exporters of the wanted protocol and starts the SDK. */
  static async open(options: OtlpOptions): Promise<OtlpExport> {
    const settings = { ...DEFAULTS, ...options };
    return new OtlpExport(settings, {
      ...(settings.spans && { spans: await spanExporter(settings) }),
      ...(settings.collect && { metrics: await metricExporter(settings) }),
    });
  }

  /** Takes a finished span; never waits. */
  readonly onSpan = (span: SpanData): void => {
    if (!this.#processor) return;
    // The processor has the same bound but does not tell what it drops.
    if (this.#pending >= this.#maxQueue) {
      this.#dropped += 1;
      return;
    }
    this.#pending += 1;
    this.#processor.onEnd(new FinishedSpan(span, this.#resource, this.#scope));
  };

  get counts(): OtlpCounts {
    return { exported: this.#exported, failed: this.#failed, dropped: this.#dropped };
  }

  /** Sends what waits and ends; gives up after `limitMs` milliseconds. Never rejects. */
  async close(limitMs: number): Promise<void> {
    const late = new AbortController();
    const waited = sleep(limitMs, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#sdk.shutdown().catch(() => undefined), waited]);
    late.abort();
  }
}

/** The SDK's own attributes, Golek's, and over these what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say. */
const resourceOf = ({ name, version }: OtlpOptions['service']): Resource =>
  defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': name,
        'service.version': version,
        'service.instance.id': `${hostname()}-${process.pid}`,
        'host.name': hostname(),
        'process.pid': process.pid,
        'process.runtime.name': 'nodejs',
        'process.runtime.version': process.versions.node,
      }),
    )
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));

interface ExporterConfig {
  readonly url?: string;
  readonly headers: Record<string, string>;
  readonly timeoutMillis: number;
  readonly compression: CompressionAlgorithm;
}

/** `path`: what OTLP over HTTP puts behind the base address. Without an address the SDK takes it from the environment. */
const configOf = ({ endpoint, headers, timeoutMs, compression }: Settings, path: string): ExporterConfig => ({
  ...(endpoint !== undefined && { url: `${endpoint.replace(/\/+$/, '')}/${path}` }),
  headers: { ...headers },
  timeoutMillis: timeoutMs,
  compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
});

const spanExporter = async (options: Settings): Promise<SpanExporter> => {
  const config = configOf(options, 'v1/traces');
  if (options.protocol === 'http/json') {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
    return new OTLPTraceExporter(config);
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter(config);
};

const metricExporter = async (options: Settings): Promise<PushMetricExporter> => {
  const config = configOf(options, 'v1/metrics');
  if (options.protocol === 'http/json') {
    const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-http');
    return new OTLPMetricExporter(config);
  }
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto');
  return new OTLPMetricExporter(config);
};
