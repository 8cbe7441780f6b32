import {
  LOG,
  METRICS,
  pluginMetrics,
  PLUGINS,
  serviceToken,
  telemetryModule as runtimeTelemetry,
  TELEMETRY,
  TRACING,
  type Configuration,
  type Environment,
  type SystemModule,
} from '@golek/system';
import type { Log } from '@golek/plugins-api';
import type { MetricRegistry, TelemetryPipeline, TracingOptions } from '@golek/kernel';
import { telemetryConfig } from '../config/telemetry-config.ts';
import { metricsRoutes } from '../http/admin/metrics-routes.ts';
import { VERSION } from '../version.ts';
import { HTTP_ROUTES } from './http-module.ts';

/** A collector that telemetry is sent to; nothing where none is configured. */
interface Collector {
  close(): Promise<void>;
}

const NO_COLLECTOR: Collector = { close: () => Promise.resolve() };
const COLLECTOR = serviceToken<Collector>('telemetry collector');

const tracingOf = (configuration: Configuration): TracingOptions => {
  const { sampleRatio, followParent, content } = configuration.get(telemetryConfig).traces;
  return { sampleRatio, followParent, contentLength: content };
};

/**
 * Metrics at GET /metrics, and traces and metrics over OTLP where a collector is configured. `environment`: where the standard OTEL_* variables are looked for; the SDK of
 * OpenTelemetry reads the rest of them itself.
 */
export const telemetryModules = (configuration: Configuration, environment: Environment): readonly SystemModule[] => {
  const { metrics, closeMs } = configuration.get(telemetryConfig);
  return [
    runtimeTelemetry({
      version: VERSION,
      tracing: tracingOf(configuration),
      maxSeries: metrics.maxSeries,
      metricsIntervalMs: metrics.intervalMs,
      closeMs,
    }),
    {
      name: 'platform-telemetry',
      config: [telemetryConfig],
      register: (registrar) => {
        const { access } = metrics;
        if (access !== 'off') {
          registrar.contribute({
            to: HTTP_ROUTES,
            name: 'metrics',
            needs: [METRICS],
            create: (registry) => metricsRoutes(registry, access),
          });
        }
        registrar.register({
          token: serviceToken<undefined>('plugin metrics'),
          needs: [METRICS, PLUGINS],
          create: (registry, plugins) => {
            pluginMetrics(registry, plugins);
            return undefined;
          },
        });
        registrar.register({
          token: COLLECTOR,
          needs: [TRACING, TELEMETRY, METRICS, LOG],
          create: (tracing, pipeline, registry, log) => {
            configuration.watch(telemetryConfig, () => tracing.configure(tracingOf(configuration)));
            return openCollector({ configuration, environment, pipeline, registry, log });
          },
          stop: (collector) => collector.close(),
          stopLimitMs: closeMs + 1_000,
        });
      },
    },
  ];
};

interface CollectorParts {
  readonly configuration: Configuration;
  readonly environment: Environment;
  readonly pipeline: TelemetryPipeline;
  readonly registry: MetricRegistry;
  readonly log: Log;
}

/** The SDK is loaded when it is used only: it takes about 45 MB and a quarter of a second. */
const openCollector = async (parts: CollectorParts): Promise<Collector> => {
  const { configuration, environment, pipeline, registry, log } = parts;
  const { otlp, metrics, closeMs, serviceName } = configuration.get(telemetryConfig);
  const { endpoint, protocol, headers, compression, timeoutMs, delayMs, maxQueue, traces, metrics: readings } = otlp;
  const wanted = endpoint ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (wanted === undefined || wanted === '' || environment['OTEL_SDK_DISABLED'] === 'true') return NO_COLLECTOR;
  const { OtlpExport } = await import('@golek/infrastructure/telemetry');
  const exporting = await OtlpExport.open({
    ...(endpoint !== undefined && { endpoint }),
    protocol,
    headers: { ...headers },
    compression,
    timeoutMs,
    delayMs,
    maxQueue,
    metricsIntervalMs: metrics.intervalMs,
    spans: traces,
    ...(readings && { collect: () => registry.collect() }),
    service: { name: serviceName, version: VERSION },
    log,
  });
  const attached = traces ? pipeline.attach(exporting.onSpan) : undefined;
  const observed = registry.observe(
    {
      name: 'golek.otlp.spans',
      description: 'Spans for the collector by what became of them.',
      unit: '{span}',
      kind: 'counter',
      labels: ['result'],
    },
    () => Object.entries(exporting.counts).map(([result, value]) => ({ labels: [result], value: Number(value) })),
  );
  return {
    close: async () => {
      attached?.[Symbol.dispose]();
      await exporting.close(closeMs);
      observed[Symbol.dispose]();
    },
  };
};
