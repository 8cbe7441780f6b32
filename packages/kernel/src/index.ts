export { Engine, type EngineOptions } from './engine.ts';
export { createCall, newRequestId, type CreateCallOptions } from './create-call.ts';
export { abortable } from './waiting/abortable.ts';
export { Turns } from './waiting/turns.ts';
export { withinLimit } from './waiting/within-limit.ts';
export { dispatcher, type DispatcherOptions } from './dispatch.ts';
export { EventBus, type EventBusOptions, type EventStreamOptions } from './events/event-bus.ts';
export type { EventPosition } from './events/event-history.ts';
export type { StreamedEvent } from './events/event-queue.ts';
export type { EventRelay } from './events/event-relay.ts';
export { ExtensionPoint, type ExtensionChange, type ExtensionConsumer } from './extensions/extension-point.ts';
export {
  ExtensionPoints,
  type ExtensionChanges,
  type ExtensionKind,
  type Extensions,
} from './extensions/extension-points.ts';
export { ActiveSpan, spanTime, startSpan, type SpanOptions } from './telemetry/span.ts';
export { unsampledTrace, Tracing, type BegunTrace, type TracingOptions } from './telemetry/tracing.ts';
export {
  MetricRegistry,
  type MetricRegistryOptions,
  type Observed,
  type ObservedOptions,
} from './telemetry/metric-registry.ts';
export { OTHER, type MetricFamily, type MetricOptions } from './telemetry/metric-family.ts';
export type { Counter, Gauge, Histogram } from './telemetry/metric-series.ts';
export { attemptMetrics } from './telemetry/attempt-metrics.ts';
export { metricsPhase } from './telemetry/request-metrics.ts';
export { DEFAULT_EXPORT_LIMITS, type ExportCounts, type ExportLimits } from './telemetry/exporter-queue.ts';
export { TelemetryPipeline, type TelemetryPipelineOptions } from './telemetry/telemetry-pipeline.ts';
export { processMetrics } from './telemetry/process-metrics.ts';
export { spanError } from './telemetry/inference-span.ts';
export {
  EXPOSITION_TYPES,
  expositionFormat,
  prometheusText,
  type ExpositionFormat,
} from './telemetry/prometheus-text.ts';
export {
  ATTR,
  BOUNDS,
  GOLEK_ATTR,
  METRIC,
  OPERATION,
  SEMANTIC_CONVENTIONS_VERSION,
} from './telemetry/semantic-conventions.ts';
export { ModelRegistry, type ModelEntry, type ModelRegistryOptions } from './models/model-registry.ts';
export { DEFAULT_LIFE_SETTINGS, type LifeSettings, type ModelLife, type UnloadReason } from './models/model-life.ts';
export type { ModelState } from './models/model-slot.ts';
export { SessionPool, type ModelStatus, type SessionLease, type SessionPoolOptions } from './models/session-pool.ts';
export type { Attempt, AttemptObserver, AttemptOutcome, AttemptRecord } from './reliability/attempt.ts';
export type { BreakerChange, BreakerState } from './reliability/circuit-breaker.ts';
export { GuardTable, type GuardTableOptions } from './reliability/guard-table.ts';
export type { GuardState } from './reliability/target-guard.ts';
export { isTargetFault } from './reliability/target-fault.ts';
export {
  DEFAULT_TARGET_POLICY,
  type BreakerPolicy,
  type BulkheadPolicy,
  type HedgePolicy,
  type RetryPolicy,
  type TargetPolicy,
  type TimeoutPolicy,
} from './reliability/target-policy.ts';
export { plan, type Catalogue } from './routing/plan.ts';
export type { CanarySideStatus, CanaryStatus } from './routing/canary-trial.ts';
export { refuseCircle } from './routing/route-circle.ts';
export { RouteTable, type LiveRoute, type RouteTableOptions } from './routing/route-table.ts';
export type { RoutingView } from './routing/routing-view.ts';
export type { TargetState } from './routing/target-state.ts';
export { TargetStats } from './routing/target-stats.ts';
export { PluginManager } from './plugins/plugin-manager.ts';
export type { PluginManagerOptions, PluginSettings } from './plugins/plugin-settings.ts';
export type { PluginStatus } from './plugins/plugin-record.ts';
export { absentPlugins } from './plugins/absent-plugins.ts';
export { discoverPlugins, type FoundPlugins, type PluginEntry, type PluginPlaces } from './plugins/discover-plugins.ts';
export {
  PluginRegistry,
  type ListedPlugin,
  type PluginList,
  type PluginLoader,
  type PluginRegistryOptions,
  type PluginRegistrySettings,
} from './plugins/plugin-registry.ts';
export { programPlugin, type LoadedPlugin, type PluginSource } from './plugins/plugin-source.ts';
export { PLUGIN_TRANSITIONS, type PluginState } from './plugins/plugin-state.ts';
export { requestLogPhase } from './phases/request-log-phase.ts';
export { routePhase } from './phases/route-phase.ts';
export { usagePhase } from './phases/usage-phase.ts';
export { validationPhase, type LimitsOf, type ValidationLimits } from './phases/validation-phase.ts';
export { UsageMeter, type UsageRecord, type UsageTotals } from './usage-meter.ts';
export { isolatedPlugin, type IsolatedPluginOptions } from './plugins/isolated/isolated-plugin.ts';
export {
  DEFAULT_ISOLATED_PLUGIN_LIMITS,
  type IsolatedPluginLimits,
} from './plugins/isolated/isolated-plugin-limits.ts';
