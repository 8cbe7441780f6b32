import type { ErrorData, InferenceEvent, InferenceRequest, ModelManifest, SpanData } from '@golek/api';
import type { Health, ModelSource, SessionCapabilities } from '../provider.ts';

/** What the child is to run; the first message that it gets. */
export interface EngineSetup {
  readonly module: string;
  readonly exportName: string;
  readonly provider: string;
  readonly options: unknown;
  /** Credits of each run: see credit.ts. */
  readonly window: number;
  readonly maxMessageBytes: number;
}

/** From the supervisor to the child. */
export type Command =
  | { readonly type: 'setup'; readonly setup: EngineSetup }
  | { readonly type: 'inspect'; readonly source: ModelSource }
  | {
      readonly type: 'open';
      readonly source: ModelSource;
      readonly memoryLimitBytes: number | undefined;
      readonly handover: unknown;
    }
  | {
      readonly type: 'run';
      readonly run: number;
      readonly request: InferenceRequest;
      readonly id: string;
      readonly traceparent: string | undefined;
      /** The spans of the run are wanted. */
      readonly traced: boolean;
      readonly tenant: string | undefined;
      readonly priority: number | undefined;
      /** Milliseconds until the deadline: the clocks of two processes do not start at the same time. */
      readonly leftMs: number | undefined;
    }
  /** Ends a run; the consumer is gone already, so that nothing of it is sent any more. */
  | { readonly type: 'abort'; readonly run: number; readonly error: ErrorData }
  /** Credits that consumers gave back: run, amount, run, amount … */
  | { readonly type: 'credit'; readonly grants: readonly number[] }
  /** From the next step on, the session evaluates with so many threads. */
  | { readonly type: 'threads'; readonly count: number }
  /** What the engine before has learnt since this one was opened. */
  | { readonly type: 'handover'; readonly handover: unknown }
  | { readonly type: 'ping' }
  | { readonly type: 'dispose' };

/** A run's events of one engine step; a failure is the last one, as an `error` event. */
export interface RunEvents {
  readonly run: number;
  readonly events: InferenceEvent[];
  /** True when nothing follows. */
  done: boolean;
}

/** From the child to the supervisor. */
export type Report =
  /** The provider's module is loaded. */
  | { readonly type: 'hello' }
  | { readonly type: 'inspected'; readonly manifest: ModelManifest }
  | { readonly type: 'progress'; readonly fraction: number }
  | {
      readonly type: 'opened';
      readonly manifest: ModelManifest;
      readonly capabilities: SessionCapabilities;
      readonly health: Health;
      /** Most threads of a session whose threads can be changed. */
      readonly threads: number | undefined;
    }
  /** What was asked last (setup, inspect or open) did not work. */
  | { readonly type: 'failed'; readonly error: ErrorData }
  | { readonly type: 'events'; readonly batch: readonly RunEvents[] }
  /** `handover`: of a session that asks to be recycled. */
  | { readonly type: 'health'; readonly health: Health; readonly handover: unknown }
  /** All spans of a run, after its last event; also of a run that was aborted. Only for runs that are traced. */
  | { readonly type: 'spans'; readonly run: number; readonly spans: readonly SpanData[] }
  | { readonly type: 'pong' }
  | { readonly type: 'disposed' };
