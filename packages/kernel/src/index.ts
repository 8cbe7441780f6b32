export { Engine, type EngineOptions } from './engine.ts';
export { createCall, newRequestId, type CreateCallOptions } from './create-call.ts';
export { dispatcher } from './dispatch.ts';
export { EventBus, type EventBusOptions } from './events/event-bus.ts';
export { ExtensionPoint, type ExtensionChange, type ExtensionConsumer } from './extensions/extension-point.ts';
export {
  ExtensionPoints,
  type ExtensionChanges,
  type ExtensionKind,
  type Extensions,
} from './extensions/extension-points.ts';
export { ActiveSpan, spanTime, startSpan, type SpanOptions } from './telemetry/span.ts';
export { ModelRegistry, type ModelEntry } from './models/model-registry.ts';
export {
  SessionPool,
  type ModelState,
  type ModelStatus,
  type SessionLease,
  type SessionPoolOptions,
} from './models/session-pool.ts';
export { plan, type Catalogue } from './routing/plan.ts';
export { requestLogPhase } from './phases/request-log-phase.ts';
export { routePhase } from './phases/route-phase.ts';
export { usagePhase } from './phases/usage-phase.ts';
export { validationPhase, type ValidationLimits } from './phases/validation-phase.ts';
export { UsageMeter, type UsageRecord, type UsageTotals } from './usage-meter.ts';
