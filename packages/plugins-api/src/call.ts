import type { Attributes, GolekError, InferenceEvent, InferenceRequest, Principal, SpanData } from '@golek/api';

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
  /** What the caller asks of routing beside the model's name. */
  readonly hints?: RoutingHints;
  /** Higher is served first where requests wait; -10 to 10, default 0. */
  readonly priority?: number;
  /** The answer is of no use after this, milliseconds of `performance.now()`. */
  readonly deadline?: number;
  /** Most tokens of an answer where the request names no limit: what the protocol says then, unless the server's own limit is smaller. */
  readonly defaultMaxTokens?: number;
  /** Nothing of the answer is read before its end: a remote model may be asked for it in one piece. */
  readonly whole?: boolean;
  /** Configuration keys that the caller sets for this request; only keys that allow it have an effect. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  /** Where it goes; set by the ROUTE phase. */
  readonly routing?: RoutingDecision;
}

/** One model at one provider that may answer a call. */
export interface RoutingTarget {
  /** Registered name of the model. */
  readonly model: string;
  readonly provider: string;
}

/** What a caller may ask of routing. */
export interface RoutingHints {
  /** Model to be taken among the targets of the route (strategy `user-selected`, or to pin one for debugging). */
  readonly target?: string;
  /** Requests with the same key go to the same target where a strategy or canary allows it. */
  readonly sticky?: string;
  /** Only targets on this kind of device. */
  readonly device?: 'cpu' | 'gpu' | 'remote';
}

/** The targets to try, best first, and why they were chosen. */
export interface RoutingDecision {
  /** The name that the request asked for. */
  readonly route: string;
  /** How the targets were ordered; absent when the name is a model's own. */
  readonly strategy?: string;
  readonly targets: readonly [RoutingTarget, ...RoutingTarget[]];
  readonly reasons: readonly string[];
}

/** W3C Trace Context of a call: the span that work done now belongs under. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** Id of the current span, 16 lower-case hex digits. */
  readonly spanId: string;
  /** The `traceparent` header for whoever is called next. */
  readonly traceparent: string;
  /** Takes finished spans; present only when the trace is sampled: nothing is recorded otherwise. */
  readonly sink?: SpanSink | undefined;
  /** Characters of prompt and of answer that may be recorded; absent: none. */
  readonly content?: number | undefined;
  /** Adds an event to the span of the whole inference, where that is recorded. */
  readonly event?: ((name: string, attributes?: Attributes) => void) | undefined;
}

export type SpanSink = (span: SpanData) => void;

export type Handler = (call: InferenceCall) => AsyncIterable<InferenceEvent>;

/** How a call ended. `abandoned`: the consumer stopped reading before the end. */
export type CallOutcome =
  | { readonly status: 'completed' }
  | { readonly status: 'failed'; readonly error: GolekError }
  | { readonly status: 'abandoned' };
