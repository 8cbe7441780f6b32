import type { GolekError, InferenceEvent, InferenceRequest, Principal } from '@golek/api';

/** One request on its way through the kernel. Frozen: a phase that changes it passes a changed copy on. */
export interface InferenceCall {
  readonly id: string;
  readonly request: InferenceRequest;
  readonly principal: Principal;
  /** Aborted when the client leaves, a deadline passes or the server stops; `reason` says which. */
  readonly signal: AbortSignal;
  readonly trace: TraceContext;
  /** When the request was received, milliseconds of `performance.now()`. */
  readonly receivedAt: number;
  /** Name of the protocol that brought it, e.g. `openai`; `local` for a program's own call. */
  readonly protocol: string;
  /** Where it goes; set by the ROUTE phase. */
  readonly routing?: RoutingDecision;
}

/** One model at one provider that may answer a call. */
export interface RoutingTarget {
  /** Registered name of the model. */
  readonly model: string;
  readonly provider: string;
}

/** The targets to try, best first, and why they were chosen. */
export interface RoutingDecision {
  readonly targets: readonly [RoutingTarget, ...RoutingTarget[]];
  readonly reasons: readonly string[];
}

/** W3C Trace Context as received or started. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** The whole `traceparent` header. */
  readonly traceparent: string;
}

export type Handler = (call: InferenceCall) => AsyncIterable<InferenceEvent>;

/** How a call ended. `abandoned`: the consumer stopped reading before the end. */
export type CallOutcome =
  | { readonly status: 'completed' }
  | { readonly status: 'failed'; readonly error: GolekError }
  | { readonly status: 'abandoned' };
