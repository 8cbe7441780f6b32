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

/** A model that a service says it has. */
export interface ListedModel {
  /** As `ModelSource.location`. */
  readonly location: string;
  /** What the list tells of it, as settings for `ModelSource.options`. */
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
  /** It asks for an answer in one piece where nothing is read before its end (`RunContext.wholeMs`). Default false. */
  readonly whole?: boolean;
  /** Kind of device that runs it. */
  readonly device?: ModelManifest['device'];
  /** What the open model takes of this machine's memory, bytes, as the provider estimates it; absent where it does not know. */
  readonly memoryBytes?: number;
}

export interface Health {
  readonly status: HealthStatus;
  /** Why it is not ok, for people. */
  readonly reason?: string;
  /** How busy it is; absent where the engine does not tell. */
  readonly load?: SessionLoad;
  /** Present while the session has something that only the end of its process takes back. */
  readonly recycle?: Recycle;
}

/**
 * Asks for another process, e.g. because of a native call that never ends. The session works on until it is replaced, which its supervisor does
 * as soon as no run suffers from it. In a process that is not supervised, nobody does.
 */
export interface Recycle {
  /** For people. */
  readonly reason: string;
}

/** How busy an open model is. */
export interface SessionLoad {
  /** Runs that it works on. */
  readonly running: number;
  /** Runs that wait for a place. */
  readonly waiting: number;
  /** Part of the KV cache in use, 0 to 1. */
  readonly kvCache?: number;
  /** Threads that it evaluates with now: fewer than its own while other models are busy, too. */
  readonly threads?: number;
  /** What is used again of earlier prompts, since the model was loaded. */
  readonly prefix?: PrefixLoad;
  /** Guessed tokens since the model was loaded; absent where none are guessed. */
  readonly speculation?: SpeculationLoad;
}

/** Tokens that were guessed and evaluated together with others, and those of them that were right. */
export interface SpeculationLoad {
  readonly guessed: number;
  readonly accepted: number;
}

/** How much of prompts did not have to be evaluated, because earlier ones began the same. */
export interface PrefixLoad {
  /** Answers that began with a part of an earlier prompt, and those that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Prompt tokens that were not evaluated, and those of them that came from saved states. */
  readonly reusedTokens: number;
  readonly restoredTokens: number;
  /** States on disk that this session knows of, and their size. */
  readonly savedStates: number;
  readonly savedBytes: number;
}

export interface OpenOptions {
  /** Ends the load; the provider frees what it had taken. */
  readonly signal: AbortSignal;
  /** Bytes of this machine's memory that the model may take; a provider that can tell refuses more with `insufficient_memory`. */
  readonly memoryLimitBytes?: number | undefined;
  /** Told the part loaded so far, 0 to 1, non-decreasing. */
  readonly onProgress?: (fraction: number) => void;
  /** Told when the health of the open session changes, e.g. that its engine crashed and works again; not for load alone. */
  readonly onHealth?: (health: Health) => void;
  /** What an earlier session of the same provider and model left, which was worn: see `ModelSession.handover`. */
  readonly handover?: unknown;
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
  /** Whose request it is: engines share their time equally among tenants, and no tenant sees what is kept of another's prompts. Absent: all that are absent are one. */
  readonly tenant?: string;
  /** Among requests of a tenant that wait, higher is served first; -10 to 10. Default 0. */
  readonly priority?: number;
  /** The answer is of no use after this, milliseconds of `performance.now()` in the process of the session. Absent: never. */
  readonly deadline?: number;
  /** Nothing of the answer is read before its end: a remote service may be asked for it in one piece, and say nothing for so long, milliseconds. Absent: it is read as it comes. */
  readonly wholeMs?: number;
}

/** The threads of a session that can evaluate with more or fewer of them from one step to the next. The answers are the same. */
export interface SessionThreads {
  /** What it was opened with; it never has more. */
  readonly most: number;
  /** From the next step on, so many: 1 to `most`. */
  use(count: number): void;
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
  /** Absent where their number cannot change. */
  readonly threads?: SessionThreads;
  run(request: InferenceRequest, context: RunContext): AsyncIterable<InferenceEvent>;
  health(): Health;
  /** What the session that replaces this one has to know; structured-clonable and small. Asked for while `health()` has `recycle`. */
  handover?(): unknown;
  /** Takes what the session that this one replaced has learnt since this one was opened. */
  takeOver?(handover: unknown): void;
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
  /** Asks which models there are; absent where nobody can tell. Throws GolekError. */
  readonly listModels?: (signal: AbortSignal) => Promise<readonly ListedModel[]>;
}
