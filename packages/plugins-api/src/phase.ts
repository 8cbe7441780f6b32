import type { InferenceEvent } from '@golek/api';
import type { CallOutcome, Handler, InferenceCall } from './call.ts';

/** The phases of a request, in their order. docs/adr/0003 explains what wraps what. */
export const PHASES = [
  'PRE_VALIDATE',
  'VALIDATE',
  'AUTHORIZE',
  'ROUTE',
  'PRE_PROCESSING',
  'PROVIDER_DISPATCH',
  'POST_PROCESSING',
  'AUDIT',
  'OBSERVABILITY',
  'CLEANUP',
] as const;
export type PhaseName = (typeof PHASES)[number];

export interface PhaseAttributes {
  /**
   * When an interceptor of this phase fails by its own fault: true ends the request with the error; false logs the error
   * and goes on without the interceptor.
   */
  readonly critical: boolean;
  /** A failure before the next phase was entered is tried once more, when the error is retryable. */
  readonly retryable: boolean;
  /** Its interceptors also see requests that failed in an earlier phase. */
  readonly runsOnError: boolean;
}

/** Attributes of each phase; an interceptor may override `critical` and `retryable`. */
export const PHASE_ATTRIBUTES: Readonly<Record<PhaseName, PhaseAttributes>> = Object.freeze({
  PRE_VALIDATE: { critical: true, retryable: false, runsOnError: false },
  VALIDATE: { critical: true, retryable: false, runsOnError: false },
  AUTHORIZE: { critical: true, retryable: true, runsOnError: false },
  ROUTE: { critical: true, retryable: true, runsOnError: false },
  PRE_PROCESSING: { critical: true, retryable: true, runsOnError: false },
  PROVIDER_DISPATCH: { critical: true, retryable: false, runsOnError: false },
  POST_PROCESSING: { critical: true, retryable: false, runsOnError: false },
  AUDIT: { critical: true, retryable: false, runsOnError: true },
  OBSERVABILITY: { critical: false, retryable: false, runsOnError: true },
  CLEANUP: { critical: false, retryable: false, runsOnError: true },
});

/** Wraps what follows: may change the call, answer itself, or watch and change the events. Release in `finally`. */
export type Interceptor = (next: Handler) => Handler;

/** Told of everything that happens to one call. Its own failures are logged and change nothing. */
export interface CallObserver {
  event?(event: InferenceEvent): void;
  /** Called once, also for calls that failed before a provider was reached. */
  end?(outcome: CallOutcome): void;
}

interface Contribution {
  /** Unique name, for logs and errors. */
  readonly name: string;
  /** Within a phase, lower numbers run first; default 0; equal numbers keep the order of registration. */
  readonly order?: number;
}

/** An interceptor and its place in the chain. */
export interface InterceptorContribution extends Contribution {
  readonly phase: PhaseName;
  readonly intercept: Interceptor;
  readonly critical?: boolean;
  readonly retryable?: boolean;
}

/** The phases that watch whole calls, in which an observer can stand. */
export type ObserverPhase = 'AUDIT' | 'OBSERVABILITY' | 'CLEANUP';

/** Watches calls without touching the stream: all observers together cost one step for each event. */
export interface ObserverContribution extends Contribution {
  readonly phase: ObserverPhase;
  readonly observe: (call: InferenceCall) => CallObserver | undefined;
}

export type PhaseContribution = InterceptorContribution | ObserverContribution;
