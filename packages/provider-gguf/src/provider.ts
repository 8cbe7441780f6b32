import {
  GolekError,
  ProviderWork,
  type Health,
  type ModelManifest,
  type ModelSession,
  type ModelSource,
  type OpenOptions,
  type Provider,
} from '@golek/providers-spi';
import { chooseThreads, ThreadSharing } from '@golek/providers-spi/machine';
import { DEFAULT_ID, GGUF_CAPABILITIES } from './capabilities.ts';
import { Adapters, checkAdapters } from './adapters.ts';
import { isMistake } from './binding-refusal.ts';
import { ChatTemplate } from './chat-template.ts';
import { startEngine, type Engine, type EngineModel, type VectorSizes } from './engine.ts';
import type { Generator } from './generate.ts';
import { readGgufFile, type GgufFile } from './gguf-file.ts';
import { factsOf, manifestOf, type GgufFacts } from './gguf-manifest.ts';
import {
  checkProviderOptions,
  contextSizeFor,
  resolveOptions,
  type GgufProviderOptions,
  type ResolvedOptions,
} from './options.ts';
import { POOLING_TYPES } from './pooling.ts';
import { keptTokens, requireShift } from './prefix/context-shift.ts';
import { openPrefixes } from './prefix/open-prefixes.ts';
import { BatchScheduler } from './scheduler/batch-scheduler.ts';
import { EvaluateScheduler } from './scheduler/evaluate-scheduler.ts';
import type { Scheduler } from './scheduler/scheduler.ts';
import { reasoningFormatOf } from './reasoning-formats.ts';
import { GgufSession } from './session.ts';
import { GrammarGuard } from './grammar-guard.ts';
import { openSpeculation, requireCuttable, type OpenSpeculation } from './speculation/open-speculation.ts';
import type { Speculation } from './speculation/speculation.ts';
import { SpecialTokens } from './special-tokens.ts';
import { TokenBytes } from './token-bytes.ts';
import { toolCallFormatOf, type ToolCallFormat } from './tool-calls.ts';
import { VectorRuns } from './vector-runs.ts';

/** A step of prompts that cannot be interrupted takes no longer: an abort has to work within 100 ms. */
const PREFILL_STEP_MS = 90;

/** A loaded model that generates, with what was opened beside it. */
interface Loaded {
  readonly name: string;
  readonly file: GgufFile;
  readonly facts: GgufFacts;
  readonly model: EngineModel;
  readonly options: ResolvedOptions;
  readonly contextSize: number;
  readonly adapters: Adapters;
  readonly speculation: Speculation | undefined;
  readonly grammars: GrammarGuard;
}

/** Where the provider runs. */
export interface Surroundings {
  /** This thread does nothing but what the provider is asked to do, so that short steps may hold it up. */
  readonly ownThread?: boolean;
  /** Longest that a grammar may take for one token; for tests. */
  readonly grammarLimitMs?: number;
}

/** Runs GGUF models with llama.cpp in this process. */
export class GgufProvider implements Provider {
  readonly id: string;
  readonly capabilities = GGUF_CAPABILITIES;
  readonly #options: GgufProviderOptions;
  readonly #surroundings: Surroundings;
  readonly #work: ProviderWork;
  readonly #sessions = new Set<GgufSession>();
  /** Undefined where models do not share, or the supervisor of this process divides them. */
  readonly #sharing: ThreadSharing | undefined;
  #engine: Promise<Engine> | undefined;
  #engineError: GolekError | undefined;

  constructor(options: GgufProviderOptions = {}, surroundings: Surroundings = {}) {
    checkProviderOptions(options);
    this.id = options.id ?? DEFAULT_ID;
    this.#options = options;
    this.#surroundings = surroundings;
    this.#sharing = surroundings.ownThread || options.shareThreads === false ? undefined : new ThreadSharing();
    this.#work = new ProviderWork(this.id, (thrown) => (isMistake(thrown) ? 'internal' : 'model_load_failed'));
  }

  async inspect(source: ModelSource, { signal }: { readonly signal: AbortSignal }): Promise<ModelManifest> {
    const { pooling } = resolveOptions(this.#options, source.name, source.options);
    return this.#work.run(signal, async (ends) => {
      const file = await readGgufFile(source.location, ends);
      return this.#manifest(source, file, factsOf(file, pooling));
    });
  }

  async open(source: ModelSource, given: OpenOptions): Promise<ModelSession> {
    const options = resolveOptions(this.#options, source.name, source.options);
    return this.#work.load(given.signal, (ends) => this.#load(source, options, ends, given));
  }

  async #load(
    source: ModelSource,
    options: ResolvedOptions,
    signal: AbortSignal,
    { onProgress, memoryLimitBytes, handover }: Omit<OpenOptions, 'signal'>,
  ): Promise<ModelSession> {
    signal.throwIfAborted();
    const file = await readGgufFile(source.location, signal);
    const facts = factsOf(file, options.pooling);
    const manifest = this.#manifest(source, file, facts);
    if (options.contextOverflow === 'shift' && facts.tasks.includes('generate'))
      requireShift({ name: source.name, ...facts, metadata: file.header.metadata, ...options });
    const adapterFiles = await checkAdapters(options.adapters, file, signal);
    const engine = await this.#startedEngine();
    this.#warnOfThreads(source.name, options.threads);
    this.#warnOfUnused(source.name, options);
    // A position that was not learned would end the process.
    const contextSize = Math.min(contextSizeFor(options, facts.contextLength), facts.positions ?? Infinity);
    const generates = facts.tasks.includes('generate');
    const vectors = vectorSizes(facts, options, contextSize);
    const adapterBytes = [...adapterFiles.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const wanted = { name: source.name, options, contextSize, memoryLimitBytes };
    const pooling = facts.poolingSaid ? undefined : { architecture: facts.architecture, type: facts.pooling };
    const model = await engine.load({
      ...wanted,
      path: file.path,
      generates,
      vectors,
      adapterBytes,
      heads: facts.heads,
      pooling,
      signal,
      onProgress,
    });
    this.#warnOfNoGpu(source.name, options, model);
    let guessing: OpenSpeculation | undefined;
    try {
      if (model.withoutBatchCalls !== undefined && adapterFiles.size > 0)
        throw new GolekError(
          'unsupported',
          `model '${source.name}' cannot use adapters without the batch calls: ${model.withoutBatchCalls}`,
          { details: { option: 'adapters' } },
        );
      const adapters = await Adapters.load(source.name, model, options.adapters, adapterFiles);
      if (generates && model.withoutBatchCalls === undefined)
        guessing = await openSpeculation({ ...wanted, engine, model, signal });
      const { speculation } = guessing ?? {};
      const grammars = new GrammarGuard(handover);
      const loaded = { name: source.name, file, facts, model, options, contextSize, grammars };
      const generator = generates ? await this.#generator({ ...loaded, adapters, speculation }, signal) : undefined;
      const session: GgufSession = new GgufSession(
        {
          manifest,
          model,
          contextSize,
          memoryBytes: model.memoryBytes + (guessing?.memoryBytes ?? 0),
          parallel: options.parallel,
          threadUser: this.#sharing?.join(model.threads),
          generator,
          vectors: vectors && vectorRuns(loaded, vectors),
          ranking: facts.ranking,
        },
        () => this.#sessions.delete(session),
      );
      this.#sessions.add(session);
      onProgress?.(1);
      return session;
    } catch (error) {
      await guessing?.speculation[Symbol.asyncDispose]();
      await model.dispose();
      throw error;
    }
  }

  /** With a GPU allowed, which device it is shows when the model is loaded: `capabilities.device` of its session. */
  #manifest(source: ModelSource, file: Parameters<typeof factsOf>[0], facts: GgufFacts): ModelManifest {
    const device = this.#options.gpu === false ? { device: 'cpu' as const } : {};
    return { ...manifestOf(source, this.id, file, facts), ...device };
  }

  #warnOfThreads(model: string, threads: number): void {
    const { most } = chooseThreads();
    if (threads <= most) return;
    this.#options.log?.warn(
      { model, threads, processors: most },
      `the model has ${threads} threads for ${most} processors: they wait for each other at every step, so that it may seem to stand still; set 'threads' to ${most} or less`,
    );
  }

  /** Who turns something off for a while keeps what belongs to it, so that is no error. */
  #warnOfUnused(model: string, { speculation, draftModel, contextOverflow, keepTokens }: ResolvedOptions): void {
    const unused = (option: string, other: string, is: string, wanted: string): void =>
      this.#options.log?.warn(
        { model, option },
        `'${option}' changes nothing: '${other}' is '${is}'; set it to '${wanted}', or leave '${option}' out`,
      );
    if (draftModel !== undefined && speculation !== 'draft-model')
      unused('draftModel', 'speculation', speculation, 'draft-model');
    if (keepTokens !== undefined && contextOverflow !== 'shift')
      unused('keepTokens', 'contextOverflow', contextOverflow, 'shift');
  }

  #warnOfNoGpu(name: string, { gpuLayers }: ResolvedOptions, { device }: EngineModel): void {
    if (device === 'gpu' || this.#options.gpu === false || gpuLayers === 'auto' || gpuLayers === 0) return;
    this.#options.log?.warn(
      { model: name, option: 'gpuLayers' },
      `'gpuLayers' (${gpuLayers}) changes nothing: no GPU is used here, see 'golek engine info'`,
    );
  }

  async #generator(loaded: Loaded, signal: AbortSignal): Promise<Generator> {
    const { name, facts, model, options, contextSize, adapters, grammars } = loaded;
    const shifts = options.contextOverflow === 'shift' && model.withoutBatchCalls === undefined;
    const bytes = new TokenBytes(model.vocabulary);
    const { chatTemplate = '', toolTemplate = '' } = facts;
    const toolCalls = toolCallFormatOf(toolTemplate === '' ? chatTemplate : toolTemplate);
    return {
      name,
      model,
      scheduler: await this.#scheduler(loaded, signal),
      shifts,
      contextSize,
      bytes,
      special: new SpecialTokens(model.vocabulary, bytes, (text) => model.tokenize(text, true)),
      template: this.#template(name, model, facts, toolCalls),
      toolCalls,
      reasoning: reasoningFormatOf(chatTemplate + toolTemplate),
      sampling: facts.sampling,
      adapters,
      grammars,
    };
  }

  async #scheduler(loaded: Loaded, signal: AbortSignal): Promise<Scheduler> {
    const { name, file, model, options, contextSize, adapters, speculation } = loaded;
    const { prefixCacheDir: folder, binary, log } = this.#options;
    const { queueLimit, contextOverflow, keepTokens } = options;
    const { device, withoutBatchCalls } = model;
    if (withoutBatchCalls !== undefined) {
      const scheduler = new EvaluateScheduler(await model.createEvaluateContext(signal), { queueLimit });
      const lost = ['shared prefixes', 'context shift', 'speculation', ...scheduler.refuses];
      log?.warn(
        { model: name, reason: withoutBatchCalls, lost },
        `the model runs on the binding's evaluate(), because ${withoutBatchCalls}: several requests at once are slower, and it is without ${lost.join(', ')}`,
      );
      return scheduler;
    }
    const context = await model.createBatchContext(signal);
    if (speculation) await requireCuttable(context, name);
    const prefixes = await openPrefixes({ name, folder, context, file, options, contextSize, device, binary, log });
    return new BatchScheduler(context, {
      queueLimit,
      stepMs: PREFILL_STEP_MS,
      prefixes,
      shareAcrossTenants: options.prefixSharing === 'all',
      keepOnShift:
        contextOverflow === 'shift' ? (prompt) => keptTokens({ keepTokens, prompt, contextSize }) : undefined,
      enterGroup: (group) => adapters.enter(context, group),
      speculation,
    });
  }

  #template(
    name: string,
    model: EngineModel,
    { chatTemplate, toolTemplate }: GgufFacts,
    toolCalls: ToolCallFormat | undefined,
  ): ChatTemplate | undefined {
    if (chatTemplate === undefined) return undefined;
    const special = { beginning: model.beginningText, end: model.endText };
    try {
      return new ChatTemplate(chatTemplate, toolTemplate, special, toolCalls?.templateCallId);
    } catch (error) {
      this.#options.log?.warn(
        { model: name, err: error },
        `the chat template cannot be read, so the model cannot chat: ${GolekError.from(error).message}`,
      );
      return undefined;
    }
  }

  async #startedEngine(): Promise<Engine> {
    this.#engine ??= startEngine({ ...this.#options, ...this.#surroundings }).then(
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

  async health(): Promise<Health> {
    if (this.#work.closed) return { status: 'down', reason: 'the provider is closed' };
    return this.#engineError ? { status: 'down', reason: this.#engineError.message } : { status: 'ok' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work.close();
    await Promise.all([...this.#sessions].map((session) => session[Symbol.asyncDispose]()));
    const engine = await this.#engine?.catch(() => undefined);
    this.#engine = undefined;
    engine?.dispose();
  }
}

/**
 * Tokens of a step in which a model that also generates makes vectors. Its memory holds the logits of each of them twice; on the CPU 128 take as long as 512 (measured: 3.9 s and 4.0 s
 * of CPU time for 1,024 tokens of a 135M model).
 */
const SIDE_STEP = 128;

/** Undefined for a model that makes no vectors. */
const vectorSizes = (facts: GgufFacts, options: ResolvedOptions, contextSize: number): VectorSizes | undefined => {
  if (!facts.tasks.includes('embed') && !facts.tasks.includes('rerank')) return undefined;
  // Pooling over all tokens, and attention to later ones, need the whole input in one step.
  const inSteps = facts.causal && facts.pooling === POOLING_TYPES.last;
  const most = facts.tasks.includes('generate') ? Math.min(options.batchSize, SIDE_STEP) : options.batchSize;
  const batchSize = inSteps ? Math.min(most, contextSize) : contextSize;
  return { contextSize, batchSize, hasLogits: facts.causal };
};

const vectorRuns = (
  { name, model, options, contextSize }: Pick<Loaded, 'name' | 'model' | 'options' | 'contextSize'>,
  sizes: VectorSizes,
): VectorRuns =>
  new VectorRuns((signal) => model.createVectorContext(sizes, signal), {
    name,
    contextSize,
    queueLimit: options.queueLimit,
  });
