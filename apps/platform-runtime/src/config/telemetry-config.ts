import { configSection } from '@golek/system';
import { z } from 'zod';

export const METRICS_ACCESS = ['public', 'admin', 'off'] as const;

const live = { live: true } as const;

const metrics = z
  .strictObject({
    access: z
      .enum(METRICS_ACCESS)
      .default('public')
      .describe(
        'Who may read GET /metrics: `public` asks nobody who they are, as scrapers expect; `admin` wants credentials of an administrator; `off` has no such route.',
      ),
    maxSeries: z
      .int()
      .min(10)
      .max(100_000)
      .default(1000)
      .describe('Series that one metric may have; what comes later is counted in one series named `other`.'),
    intervalMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(30_000)
      .describe('So often all metrics are sent by OTLP and to the exporters of plugins, milliseconds.'),
  })
  .prefault({});

const traces = z
  .strictObject({
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .meta(live)
      .describe('Part of the requests whose trace is recorded, where a collector or exporter takes traces.'),
    followParent: z
      .boolean()
      .default(true)
      .meta(live)
      .describe(
        'Record a request that comes with a `traceparent` exactly when that says so; `false`: by the ratio, too.',
      ),
    content: z
      .int()
      .min(0)
      .max(100_000)
      .default(0)
      .meta(live)
      .describe(
        'Characters of the prompt and of the answer that are put into recorded traces; 0 for none. They may hold personal data.',
      ),
  })
  .prefault({});

const otlp = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Base address of an OpenTelemetry collector that takes OTLP over HTTP, e.g. http://127.0.0.1:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT; without both nothing is sent.',
      ),
    protocol: z.enum(['http/protobuf', 'http/json']).default('http/protobuf').describe('Encoding of OTLP.'),
    headers: z
      .record(z.string(), z.string().meta({ secret: true }))
      .default({})
      .describe('Headers of each export, e.g. credentials of the collector.'),
    compression: z.enum(['none', 'gzip']).default('none').describe('Compression of exports.'),
    timeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe(
        'Time for one export, its retries included, milliseconds; what is not taken then is dropped and counted.',
      ),
    delayMs: z.int().min(10).max(600_000).default(2_000).describe('Spans are sent at least so often, milliseconds.'),
    maxQueue: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(4096)
      .describe('Spans that may wait for the collector; more are dropped and counted.'),
    traces: z.boolean().default(true).describe('Send traces.'),
    metrics: z.boolean().default(true).describe('Send metrics.'),
  })
  .prefault({});

export const telemetryConfig = configSection(
  'telemetry',
  z
    .strictObject({
      serviceName: z.string().min(1).max(128).default('golek').describe('Name of this service in traces and metrics.'),
      metrics,
      traces,
      otlp,
      closeMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(3_000)
        .describe('When the server stops, time for what is not exported yet, milliseconds.'),
    })
    .describe('Metrics and traces.'),
);
