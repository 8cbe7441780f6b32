import type { InferenceEvent, InferenceRequest, ModelManifest, Task } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type {
  Health,
  ListedModel,
  ModelSession,
  ModelSource,
  OpenOptions,
  Provider,
  ProviderCapabilities,
  RunContext,
} from '../provider.ts';
import type { RequestOption } from '../request-options.ts';
import { ConnectionSlots } from './connection-slots.ts';
import { RemoteSession } from './remote-session.ts';
import type { RunHost } from './run-scope.ts';
import { UpstreamHealth } from './upstream-health.ts';
import type { ResolvedUpstream } from './upstream-options.ts';
import { Upstream, type ServiceHeaders } from './upstream.ts';

const MILLISECONDS = 1000;

/** What a model of an upstream is, and how it is asked. */
export interface RemoteModel {
  readonly tasks: readonly Task[];
  readonly options: readonly RequestOption[];
  readonly contextLength?: number | undefined;
  readonly embeddingLength?: number | undefined;
  /** `run` asks for an answer in one piece where the context has `wholeMs`. */
  readonly whole?: boolean;
  /** Further parts of its manifest, such as the tensors that it takes and gives. */
  readonly manifest?: Partial<ModelManifest>;
  /** Begins an answer: a `StreamedRun` or a `unaryRun`. Called for its tasks only; undefined refuses the task. */
  readonly run: (
    host: RunHost,
    request: InferenceRequest,
    context: RunContext,
  ) => AsyncIterable<InferenceEvent> | undefined;
}

/** A kind of service: what its provider adds to what all providers of remote models have in common. */
export interface RemoteService extends ServiceHeaders {
  readonly capabilities: ProviderCapabilities;
  /** Says what a model is, by its options and, where these ask for it, by the upstream. Throws `config_invalid` and `model_not_found`. */
  describe(source: ModelSource, upstream: Upstream, signal: AbortSignal): Promise<RemoteModel>;
  /** Asks the upstream which models it has; absent where it does not tell. Throws GolekError. */
  readonly list?: ((upstream: Upstream, signal: AbortSignal) => Promise<readonly ListedModel[]>) | undefined;
}

/** Runs models of one service: one pool of connections, shared in order. Nothing is connected before the first request. */
export class RemoteProvider implements Provider {
  readonly id: string;
  readonly capabilities: ProviderCapabilities;
  readonly listModels?: NonNullable<Provider['listModels']>;
  readonly #service: RemoteService;
  readonly #connections: number;
  readonly #upstream: Upstream;
  readonly #slots: ConnectionSlots;
  readonly #health = new UpstreamHealth();
  readonly #sessions = new Set<RemoteSession>();
  readonly #created = Math.floor(Date.now() / MILLISECONDS);
  readonly #closing = new AbortController();

  constructor(options: ResolvedUpstream, service: RemoteService) {
    const { id, connections, queueLimit } = options;
    this.id = id;
    this.capabilities = service.capabilities;
    this.#service = service;
    this.#connections = connections;
    this.#upstream = new Upstream(options, service);
    this.#slots = new ConnectionSlots(id, connections, queueLimit);
    const { list } = service;
    if (list) this.listModels = async (signal) => list(this.#upstream, this.#ends(signal));
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    return this.#manifestOf(source, await this.#describe(source, signal));
  }

  async open(source: ModelSource, { signal, onProgress, onHealth }: OpenOptions): Promise<ModelSession> {
    const model = await this.#describe(source, signal);
    const { tasks, options, contextLength, whole, run } = model;
    const session = new RemoteSession({
      manifest: this.#manifestOf(source, model),
      capabilities: {
        tasks,
        options,
        parallel: this.#connections,
        ...(contextLength !== undefined && { contextLength }),
        ...(whole !== undefined && { whole }),
      },
      run,
      host: {
        upstream: this.#upstream,
        slots: this.#slots,
        model: source.location,
        report: (failure) => this.#health.report(failure),
      },
      onHealth,
      onDispose: (closed) => this.#sessions.delete(closed),
    });
    this.#sessions.add(session);
    onProgress?.(1);
    return session;
  }

  async health(): Promise<Health> {
    if (this.#closing.signal.aborted) return { status: 'down', reason: `provider '${this.id}' is closed` };
    return this.#health.current;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new GolekError('shutting_down', `provider '${this.id}' is closed`));
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
    await this.#upstream[Symbol.asyncDispose]();
  }

  async #describe(source: ModelSource, signal: AbortSignal): Promise<RemoteModel> {
    return this.#service.describe(source, this.#upstream, this.#ends(signal));
  }

  /** The signal of a question outside runs. Throws what it, or the end of this provider, has as reason. */
  #ends(signal: AbortSignal): AbortSignal {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    if (ends.aborted) throw GolekError.from(ends.reason, 'cancelled');
    return ends;
  }

  #manifestOf(source: ModelSource, model: RemoteModel): ModelManifest {
    const { tasks, options, contextLength, embeddingLength, manifest } = model;
    return {
      name: source.name,
      provider: this.id,
      source: source.location,
      tasks: [...tasks],
      options: [...options],
      device: 'remote',
      created: this.#created,
      ...(contextLength !== undefined && { contextLength }),
      ...(embeddingLength !== undefined && { embeddingLength }),
      ...manifest,
    };
  }
}
