import {
  GolekError,
  type Health,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type OpenOptions,
  type Provider,
} from '@golek/providers-spi';
import { DEFAULT_ID, GGUF_CAPABILITIES } from './capabilities.ts';
import { ChatTemplate } from './chat-template.ts';
import { DecodeLoop } from './decode-loop.ts';
import { Embedder } from './embeddings.ts';
import { startEngine, type Engine, type EngineModel } from './engine.ts';
import type { Generator } from './generate.ts';
import { readGgufFile } from './gguf-file.ts';
import { factsOf, manifestOf, type GgufFacts } from './gguf-manifest.ts';
import {
  checkProviderOptions,
  contextSizeFor,
  resolveOptions,
  type GgufProviderOptions,
  type ResolvedOptions,
} from './options.ts';
import { GgufSession } from './session.ts';
import { TokenBytes } from './token-bytes.ts';
import { toolCallFormatOf } from './tool-calls.ts';

/** A step with prompt tokens should take half of the time within which an abort has to work. */
const PREFILL_STEP_MS = 50;

const POOLING_NONE = 0;
const POOLING_LAST = 3;

/** Runs GGUF models with llama.cpp in this process. */
export class GgufProvider implements Provider {
  readonly id: string;
  readonly capabilities = GGUF_CAPABILITIES;
  readonly #options: GgufProviderOptions;
  readonly #closing = new AbortController();
  readonly #sessions = new Set<GgufSession>();
  #engine: Promise<Engine> | undefined;
  #engineError: GolekError | undefined;
  /** Loads one after the other: each looks at the memory that the one before has left. */
  #lastLoad: Promise<unknown> = Promise.resolve();

  constructor(options: GgufProviderOptions = {}) {
    checkProviderOptions(options);
    this.id = options.id ?? DEFAULT_ID;
    this.#options = options;
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    return this.#bounded(signal, async (ends) => {
      const file = await readGgufFile(source.location, ends);
      return this.#manifest(source, file, factsOf(file));
    });
  }

  async open(source: ModelSource, { signal, onProgress }: OpenOptions): Promise<ModelSession> {
    const options = resolveOptions(this.#options, source.name, source.options);
    return this.#bounded(signal, (ends) => {
      const load = this.#lastLoad.then(() => this.#load(source, options, ends, onProgress));
      this.#lastLoad = load.catch(() => undefined);
      return load;
    });
  }

  async #load(
    source: ModelSource,
    options: ResolvedOptions,
    signal: AbortSignal,
    onProgress: OpenOptions['onProgress'],
  ): Promise<ModelSession> {
    signal.throwIfAborted();
    const file = await readGgufFile(source.location, signal);
    const facts = factsOf(file);
    const manifest = this.#manifest(source, file, facts);
    const engine = await this.#startedEngine();
    const contextSize = contextSizeFor(options, facts.contextLength);
    const model = await engine.load({ name: source.name, path: file.path, options, contextSize, signal, onProgress });
    try {
      const generator = facts.tasks.includes('generate')
        ? await this.#generator(source.name, model, facts, options, contextSize, signal)
        : undefined;
      const embedder = facts.tasks.includes('embed')
        ? embedderFor(source.name, model, facts, options, contextSize)
        : undefined;
      const session: GgufSession = new GgufSession(
        { manifest, model, contextSize, parallel: options.parallel, generator, embedder },
        () => this.#sessions.delete(session),
      );
      this.#sessions.add(session);
      onProgress?.(1);
      return session;
    } catch (error) {
      await model.dispose();
      throw error;
    }
  }

  /** With a GPU allowed, which device it is shows when the model is loaded: `capabilities.device` of its session. */
  #manifest(source: ModelSource, file: Parameters<typeof factsOf>[0], facts: GgufFacts): ModelManifest {
    const device = this.#options.gpu === false ? { device: 'cpu' as const } : {};
    return { ...manifestOf(source, this.id, file, facts), ...device };
  }

  async #generator(
    name: string,
    model: EngineModel,
    facts: GgufFacts,
    options: ResolvedOptions,
    contextSize: number,
    signal: AbortSignal,
  ): Promise<Generator> {
    const context = await model.createBatchContext(signal);
    return {
      name,
      model,
      loop: new DecodeLoop(context, { queueLimit: options.queueLimit, stepMs: PREFILL_STEP_MS }),
      contextSize,
      bytes: new TokenBytes(model.vocabulary),
      template: this.#template(name, model, facts),
      toolCalls: toolCallFormatOf(facts.toolTemplate ?? facts.chatTemplate ?? ''),
      sampling: facts.sampling,
    };
  }

  #template(name: string, model: EngineModel, { chatTemplate, toolTemplate }: GgufFacts): ChatTemplate | undefined {
    if (chatTemplate === undefined) return undefined;
    try {
      return new ChatTemplate(chatTemplate, toolTemplate, { beginning: model.beginningText, end: model.endText });
    } catch (error) {
      this.#options.log?.warn(
        { model: name, err: error },
        'the chat template cannot be read, so the model cannot chat',
      );
      return undefined;
    }
  }

  async #startedEngine(): Promise<Engine> {
    this.#engine ??= startEngine(this.#options).then(
      (engine) => {
        this.#engineError = undefined;
        return engine;
      },
      (thrown: unknown) => {
        this.#engine = undefined;
        this.#engineError = GolekError.from(thrown, 'model_load_failed');
        throw this.#engineError;
      },
    );
    return this.#engine;
  }

  /** Work that ends with the caller's signal or with the provider, with what either says. */
  async #bounded<T>(signal: AbortSignal, work: (ends: AbortSignal) => Promise<T>): Promise<T> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    try {
      ends.throwIfAborted();
      return await work(ends);
    } catch (thrown) {
      if (thrown instanceof GolekError) throw thrown;
      if (ends.aborted) throw GolekError.from(ends.reason, 'cancelled');
      throw GolekError.from(thrown, 'model_load_failed');
    }
  }

  async health(): Promise<Health> {
    if (this.#closing.signal.aborted) return { status: 'down', reason: 'the provider is closed' };
    return this.#engineError ? { status: 'down', reason: this.#engineError.message } : { status: 'ok' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `provider '${this.id}' is closed`));
    await this.#lastLoad;
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
    const engine = await this.#engine?.catch(() => undefined);
    this.#engine = undefined;
    engine?.dispose();
  }
}

const embedderFor = (
  name: string,
  model: EngineModel,
  facts: GgufFacts,
  options: ResolvedOptions,
  contextSize: number,
): Embedder =>
  new Embedder(model, {
    name,
    contextSize,
    // Pooling over all tokens, and attention to later ones, need the whole input in one step.
    batchSize:
      facts.causal && (facts.pooling === POOLING_NONE || facts.pooling === POOLING_LAST)
        ? Math.min(options.batchSize, contextSize)
        : contextSize,
    length: facts.embeddingLength,
    queueLimit: options.queueLimit,
  });
