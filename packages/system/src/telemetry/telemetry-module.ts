import {
  ATTR,
  attemptMetrics,
  DEFAULT_EXPORT_LIMITS,
  MetricRegistry,
  metricsPhase,
  processMetrics,
  TelemetryPipeline,
  Tracing,
  type ExportLimits,
  type TracingOptions,
} from '@golek/kernel';
import { ATTEMPT_OBSERVERS, EVENTS, EXTENSIONS, MODELS, PHASES, RELIABILITY, SESSIONS } from '../kernel-module.ts';
import { serviceToken } from '../registry/service-token.ts';
import type { SystemModule } from '../system-module.ts';
import { LOG } from '../system.ts';
import { canaryMetrics } from './canary-metrics.ts';
import { lifecycleMetrics } from './lifecycle-metrics.ts';
import { modelMetrics } from './model-metrics.ts';
import { reliabilityMetrics } from './reliability-metrics.ts';

/** All metrics of the runtime; define further ones, or observe a state, with it. */
export const METRICS = serviceToken<MetricRegistry>('metrics');
/** Begins the traces of requests. */
export const TRACING = serviceToken<Tracing>('tracing');
/** Brings spans and metrics to exporters. */
export const TELEMETRY = serviceToken<TelemetryPipeline>('telemetry');

export interface TelemetryModuleOptions {
  /** Name and version of the runtime, told by the metric `golek.build.info`. */
  readonly version: string;
  readonly tracing: TracingOptions;
  /** Series that one metric may have. */
  readonly maxSeries: number;
  readonly metricsIntervalMs: number;
  readonly limits?: ExportLimits;
  /** Time for what waits to be exported when the runtime stops, milliseconds. */
  readonly closeMs: number;
}

/** Metrics and traces of a runtime: of its requests, attempts, models, lifecycle events and process. Without it a runtime measures nothing. */
export const telemetryModule = (options: TelemetryModuleOptions): SystemModule => ({
  name: 'telemetry',
  register: (registrar) => {
    registrar.register({
      token: METRICS,
      create: () => {
        const registry = new MetricRegistry({ maxSeries: options.maxSeries });
        registry.observe(
          {
            name: 'golek.build.info',
            description: 'The version that runs; always 1.',
            unit: '{build}',
            kind: 'gauge',
            labels: ['version', 'node_version'],
          },
          () => [{ labels: [options.version, process.versions.node], value: 1 }],
        );
        return registry;
      },
    });
    registrar.register({ token: TRACING, create: () => new Tracing(options.tracing) });
    registrar.contribute({ to: PHASES, name: 'metrics', needs: [METRICS], create: metricsPhase });
    registrar.contribute({ to: ATTEMPT_OBSERVERS, name: 'metrics', needs: [METRICS], create: attemptMetrics });
    registrar.register({
      token: TELEMETRY,
      needs: [TRACING, METRICS, EXTENSIONS, LOG],
      create: (tracing, registry, { exporters }, log) => {
        const { limits = DEFAULT_EXPORT_LIMITS, metricsIntervalMs, closeMs } = options;
        const pipeline = new TelemetryPipeline({ tracing, registry, log, limits, metricsIntervalMs, closeMs });
        exporters.consume(pipeline);
        observeExports(registry, pipeline);
        return pipeline;
      },
      stop: (pipeline) => pipeline[Symbol.asyncDispose](),
      stopLimitMs: options.closeMs + 1_000,
    });
    registrar.register({
      token: serviceToken<Disposable>('state metrics'),
      needs: [METRICS, MODELS, SESSIONS, EVENTS, RELIABILITY],
      create: (registry, models, sessions, events, reliability) => {
        modelMetrics(registry, models, sessions);
        reliabilityMetrics(registry, () => reliability.states());
        canaryMetrics(registry, models.routes);
        return lifecycleMetrics(registry, events);
      },
      stop: (subscription) => subscription[Symbol.dispose](),
    });
    registrar.register({
      token: serviceToken<Disposable>('process metrics'),
      needs: [METRICS],
      create: processMetrics,
      stop: (metrics) => metrics[Symbol.dispose](),
    });
  },
});

const observeExports = (registry: MetricRegistry, pipeline: TelemetryPipeline): void => {
  registry.observe(
    {
      name: 'golek.telemetry.spans',
      description: 'Spans for the exporters of plugins by what became of them.',
      unit: '{span}',
      kind: 'counter',
      labels: ['exporter', ATTR.errorType],
    },
    () =>
      [...pipeline.counts()].flatMap(([exporter, { exported, failed, dropped }]) => [
        { labels: [exporter, ''], value: exported },
        { labels: [exporter, 'failed'], value: failed },
        { labels: [exporter, 'dropped'], value: dropped },
      ]),
  );
};
