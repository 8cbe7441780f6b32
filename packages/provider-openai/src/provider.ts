import {
  GolekError,
  nearest,
  type Health,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type OpenOptions,
  type Provider,
  type RequestOption,
} from '@golek/providers-spi';
import { ConnectionSlots } from './connection-slots.ts';
import { DIALECTS } from './dialect.ts';
import { listUpstreamModels } from './list-models.ts';
import { modelOptionsOf, resolveOptions, type OpenAiProviderOptions, type ResolvedOptions } from './options.ts';
import { OpenAiSession } from './session.ts';
import { UpstreamHealth } from './upstream-health.ts';
import { Upstream } from './upstream.ts';

const MILLISECONDS = 1000;

/** Options that only one of the tasks has, so that a model is not said to take what none of its tasks knows. */
const EMBED_OPTIONS: ReadonlySet<RequestOption> = new Set(['input.tokens', 'dimensions']);

/** Runs models of one OpenAI-compatible service. */
export class OpenAiProvider implements Provider {
  readonly id: string;
  readonly capabilities = { tasks: ['generate', 'embed'], formats: [] } as const;
  readonly #options: ResolvedOptions;
  readonly #upstream: Upstream;
  readonly #slots: ConnectionSlots;
  readonly #health = new UpstreamHealth();
  readonly #sessions = new Set<OpenAiSession>();
  readonly #created = Math.floor(Date.now() / MILLISECONDS);
  readonly #closing = new AbortController();

  constructor(options: OpenAiProviderOptions) {
    this.#options = resolveOptions(options);
    const { id, connections, queueLimit } = this.#options;
    this.id = id;
    this.#upstream = new Upstream(this.#options);
    this.#slots = new ConnectionSlots(id, connections, queueLimit);
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    if (ends.aborted) throw GolekError.from(ends.reason, 'cancelled');
    const { verify, tasks, contextLength, embeddingLength } = modelOptionsOf(source);
    if (verify === true) await this.#verify(source, ends);
    return {
      name: source.name,
      provider: this.id,
      source: source.location,
      tasks: [...(tasks ?? ['generate'])],
      options: [...this.#optionsOf(source)],
      device: 'remote',
      created: this.#created,
      ...(contextLength !== undefined && { contextLength }),
      ...(embeddingLength !== undefined && { embeddingLength }),
    };
  }

  async open(source: ModelSource, { signal, onProgress, onHealth }: OpenOptions): Promise<ModelSession> {
    const manifest = await this.inspect(source, { signal });
    const { body = {}, contextLength } = modelOptionsOf(source);
    const { stream, streamUsage, forwardUser, maxLineBytes, connections, dialect } = this.#options;
    const session = new OpenAiSession({
      manifest,
      capabilities: {
        tasks: manifest.tasks,
        options: this.#optionsOf(source),
        parallel: connections,
        ...(contextLength !== undefined && { contextLength }),
      },
      settings: { dialect: DIALECTS[dialect], stream, streamUsage, forwardUser, extra: body },
      maxLineBytes,
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

  #optionsOf(source: ModelSource): readonly RequestOption[] {
    const { tasks = ['generate'], options = DIALECTS[this.#options.dialect].options } = modelOptionsOf(source);
    if (!tasks.includes('generate')) return options.filter((option) => EMBED_OPTIONS.has(option));
    return tasks.includes('embed') ? options : options.filter((option) => option !== 'dimensions');
  }

  /** Throws `model_not_found` when the upstream's list lacks the model. A list that cannot be had proves nothing: the first request will tell. */
  async #verify({ name, location }: ModelSource, signal: AbortSignal): Promise<void> {
    let known: readonly string[];
    try {
      known = await listUpstreamModels(this.#upstream, signal);
    } catch (error) {
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      this.#options.log?.warn({ model: name, upstream: this.id, err: error }, 'the list of models cannot be read');
      return;
    }
    if (known.includes(location)) return;
    const hint = nearest(location, known);
    throw new GolekError(
      'model_not_found',
      `upstream '${this.id}' (${this.#upstream.host}) has no model '${location}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
      { details: { upstream: this.id, model: location } },
    );
  }
}
