export { Engine, type EngineOptions } from './engine.ts';
export { createCall, newRequestId, type CreateCallOptions } from './create-call.ts';
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
export { usagePhase } from './phases/usage-phase.ts';
export { validationPhase, type ValidationLimits } from './phases/validation-phase.ts';
export { UsageMeter, type UsageRecord, type UsageTotals } from './usage-meter.ts';
