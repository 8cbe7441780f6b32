import type { ErrorData, InferenceEvent, InferenceRequest, Log, Principal, PublishedEvent, SpanData } from '@golek/api';
import type {
  CallOutcome,
  Credentials,
  InferenceCall,
  MetricData,
  PluginHealth,
  RequestResult,
  TransformContext,
} from '@golek/plugins-api';
import type { PluginDescription, Registrations } from './registrations.ts';

/** What the child is to load; an argument of its command line, since it is needed before any module is. */
export interface ChildBoot {
  /** URL of the plugin's module. */
  readonly module: string;
  /** Modules of the runtime by name: a plugin gets this copy of them, and needs none of its own. */
  readonly modules: Readonly<Record<string, string>>;
  readonly maxMessageBytes: number;
  /** The child can give up the right to start threads, so that it may have one that watches the parent. */
  readonly watchParent: boolean;
}

/** A request to a route, without what cannot cross the border. */
export interface PlainRouteRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  readonly principal: Principal;
}

export interface PlainRouteResponse {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A call as observers in the child see it. */
export type PlainCall = Omit<InferenceCall, 'signal' | 'trace' | 'overrides'> & {
  readonly trace: Omit<InferenceCall['trace'], 'sink' | 'event'>;
};

/** Every question to the child: its argument and its answer. Numbers name parts by their place among the registrations. */
export interface Questions {
  describe: { readonly argument: undefined; readonly answer: PluginDescription };
  setup: { readonly argument: unknown; readonly answer: Registrations };
  start: { readonly argument: undefined; readonly answer: undefined };
  stop: { readonly argument: undefined; readonly answer: undefined };
  health: { readonly argument: undefined; readonly answer: PluginHealth };
  request: {
    readonly argument: {
      readonly transform: number;
      readonly request: InferenceRequest;
      readonly context: TransformContext;
    };
    readonly answer: RequestResult;
  };
  events: {
    readonly argument: {
      readonly stream: number;
      /** With the first batch: opens the stream. */
      readonly open?: {
        readonly transform: number;
        readonly request: InferenceRequest;
        readonly context: TransformContext;
      };
      readonly events: readonly InferenceEvent[];
      readonly end: boolean;
    };
    readonly answer: readonly InferenceEvent[];
  };
  route: {
    readonly argument: { readonly route: number; readonly request: PlainRouteRequest };
    readonly answer: PlainRouteResponse;
  };
  authenticate: {
    readonly argument: { readonly authenticator: number; readonly credentials: Credentials };
    readonly answer: Principal | undefined;
  };
  spans: {
    readonly argument: { readonly exporter: number; readonly spans: readonly SpanData[] };
    readonly answer: undefined;
  };
  metrics: {
    readonly argument: { readonly exporter: number; readonly metrics: readonly MetricData[] };
    readonly answer: undefined;
  };
}
export type Question = keyof Questions;

/** Something that the child is told and does not answer. */
export type Note =
  | { readonly type: 'begin'; readonly call: PlainCall; readonly watch: number }
  | { readonly type: 'event'; readonly watch: number; readonly event: InferenceEvent }
  | {
      readonly type: 'end';
      readonly watch: number;
      readonly outcome: Exclude<CallOutcome, { status: 'failed' }> | { status: 'failed'; error: ErrorData };
    }
  | { readonly type: 'lifecycle'; readonly event: PublishedEvent };

/** From the parent to the child. */
export type Command =
  | { readonly type: 'ask'; readonly id: number; readonly question: Question; readonly argument: unknown }
  /** The answer is of no use any more. */
  | { readonly type: 'abort'; readonly id: number; readonly error: ErrorData }
  | { readonly type: 'close-stream'; readonly stream: number }
  | { readonly type: 'notes'; readonly notes: readonly Note[] }
  | { readonly type: 'ping' };

/** From the child to the parent. */
export type Report =
  /** The plugin is at work on it from now on: what happens to the process happens to this question too. */
  | { readonly type: 'began'; readonly id: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorData }
  | {
      readonly type: 'log';
      readonly level: keyof Log;
      /** An object of plain values and a text, if the plugin has not meddled with its process. */
      readonly fields: unknown;
      readonly message: unknown;
    }
  | { readonly type: 'pong' };
