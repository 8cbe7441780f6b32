export type { CallOutcome, Handler, InferenceCall, RoutingDecision, RoutingTarget, TraceContext } from './call.ts';
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
export { SILENT_LOG, type Log } from '@golek/api';
