import type { HealthStatus, InferenceEvent, InferenceRequest, ModelManifest, SpanData, Task } from '@golek/api';
import type { RequestOption } from './request-options.ts';

/** Where a model is and how it shall be run. */
export interface ModelSource {
  /** Name under which the runtime registers the model. */
  readonly name: string;
  /** A path for local engines; a model name or address for remote ones. */
  readonly location: string;
  /** Settings of this model for its provider (context size, threads …), checked by the provider at `open`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a provider can do at all, before any model is opened. */
export interface ProviderCapabilities {
  readonly tasks: readonly Task[];
  /** Model formats that it opens, e.g. `gguf`. */
  readonly formats: readonly string[];
}

/** What an open model can do. A request that uses an option that is not listed is refused by name. */
export interface SessionCapabilities {
  readonly tasks: readonly Task[];
  readonly options: readonly RequestOption[];
  /** Tokens that prompt and answer may hold together. */
  readonly contextLength?: number;
  /** Requests that the session works on at the same time; further ones wait inside it, in order. */
  readonly parallel: number;
  /** Kind of device that runs it. */
  readonly device?: ModelManifest['device'];
}

export interface Health {
  readonly status: HealthStatus;
  /** Why it is not ok, for people. */
  readonly reason?: string;
  /** How busy it is; absent where the engine does not tell. */
  readonly load?: SessionLoad;
}

/** How busy an open model is. */
export interface SessionLoad {
  /** Runs that it works on. */
  readonly running: number;
  /** Runs that wait for a place. */
  readonly waiting: number;
  /** Part of the KV cache in use, 0 to 1. */
  readonly kvCache?: number;
}

export interface OpenOptions {
  /** Ends the load; the provider frees what it had taken. */
  readonly signal: AbortSignal;
  /** Told the part loaded so far, 0 to 1, non-decreasing. */
  readonly onProgress?: (fraction: number) => void;
  /** Told when the health of the open session changes, e.g. that its engine crashed and works again; not for load alone. */
  readonly onHealth?: (health: Health) => void;
}

/** What belongs to one run and is not part of the request's data. */
export interface RunContext {
  /** Id of the request, for logs. */
  readonly id: string;
  readonly signal: AbortSignal;
  /** W3C Trace Context `traceparent` of the caller's span. */
  readonly traceparent?: string;
  /** Takes the spans that the provider makes of this run; present only when the trace is sampled. */
  readonly onSpan?: (span: SpanData) => void;
}

/**
 * A model that is ready to work. Several runs may be in progress at once.
 *
 * `run` gives the events of an answer without the `start` event (the kernel adds it). It throws GolekError: `unsupported` for an
 * option outside `capabilities.options`, `cancelled` when the signal is aborted. The work of a run ends within one engine step after
 * the signal is aborted or the consumer stops iterating; nothing is produced faster than it is consumed beyond a small
 * fixed window.
 *
 * Disposal ends runs in progress with `shutting_down` and releases the model; it is idempotent.
 */
export interface ModelSession extends AsyncDisposable {
  readonly manifest: ModelManifest;
  readonly capabilities: SessionCapabilities;
  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent>;
  health(): Health;
}

/**
 * A way to run models: an engine or a remote service.
 *
 * Errors: `model_not_found` (nothing at the location), `model_invalid` (unreadable content), `insufficient_memory`,
 * `model_load_failed`, `unsupported` (format, option), `cancelled`.
 */
export interface Provider extends AsyncDisposable {
  readonly id: string;
  readonly capabilities: ProviderCapabilities;
  /** Reads what the model is, without loading it. */
  inspect(source: ModelSource, options: { readonly signal: AbortSignal }): Promise<ModelManifest>;
  open(source: ModelSource, options: OpenOptions): Promise<ModelSession>;
  health(): Promise<Health>;
}
