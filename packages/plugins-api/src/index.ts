export type {
  CallOutcome,
  Handler,
  InferenceCall,
  RoutingDecision,
  RoutingHints,
  RoutingTarget,
  SpanSink,
  TraceContext,
} from './call.ts';
export type { Authenticator, Credentials } from './authenticator.ts';
export type { HttpRoute, RouteRequest, RouteResponse } from './http-route.ts';
export type { MetricData, MetricPoint, TelemetryExporter } from './telemetry-exporter.ts';
export type { RequestResult, StreamTransform, Transform, TransformContext } from './transform.ts';
export {
  definePlugin,
  PLUGIN_API_VERSION,
  type Plugin,
  type PluginHealth,
  type PluginHost,
  type PluginProvider,
} from './plugin.ts';
export {
  PHASES,
  PHASE_ATTRIBUTES,
  type CallObserver,
  type Interceptor,
  type InterceptorContribution,
  type ObserverContribution,
  type ObserverPhase,
  type PhaseAttributes,
  type PhaseContribution,
  type PhaseName,
} from './phase.ts';
// A plugin depends on this package only.
export { SILENT_LOG, type KeyValueStore, type Log, type PutOptions, type StoredValue } from '@golek/api';
