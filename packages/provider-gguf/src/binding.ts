import { createRequire } from 'node:module';
import type { Llama, LlamaContext, LlamaContextOptions, LlamaModel, LlamaOptions, Token } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import type { EngineBuild } from './engine-build-info.ts';
import { GrammarDraws, type DrawAccount } from './grammar-draws.ts';
import type { AttachThreads, AddonCalls } from './native-threads.ts';
import type { ThreadCount } from './thread-count.ts';
import type { SamplerSettings } from './sampling-config.ts';
import type { Observation } from './token-logprobs.ts';

// The only file that touches private members of node-llama-cpp. docs/adr/0004 says why there is one.

/** The version whose private members are known; the package depends on exactly this one. */
export const BINDING_VERSION = '3.22.1';

declare const samplerBrand: unique symbol;
/** A native sampler: settings, random state, grammar state, penalties. For one sequence, one call at a time. */
export interface TokenSampler {
  readonly [samplerBrand]: true;
}

/** What a TokenSampler is behind its type. */
interface SamplerHandle {
  readonly sampler: NativeSampler;
  readonly grammar: object | undefined;
  /** Set where the most likely token is wanted and no more than these biases changes what that is. */
  readonly greedy: { readonly tokens: Uint32Array; readonly biases: Float32Array } | undefined;
  /** A call that was given up but goes on: the native sampler may not be freed before it ends. */
  endless?: Promise<unknown>;
  readonly account: DrawAccount;
  readonly onEndless: ((ended: Promise<void>) => void) | undefined;
}

const handleOf = (sampler: TokenSampler): SamplerHandle => sampler as unknown as SamplerHandle;

/** The calls on one native context that generation needs. Sequence ids are 0 … sequences - 1, positions count from 0. */
export interface BatchContext {
  readonly sequences: number;
  /** Tokens that each sequence can hold. */
  readonly contextSize: number;
  /** Rows that one batch can hold. */
  readonly batchSize: number;
  /** Starts an empty batch for `rows` tokens. */
  begin(rows: number): void;
  /** Adds tokens of one sequence; returns the rows to sample from, of the token at `logitsFrom` and those after it. */
  add(sequence: number, position: number, tokens: Uint32Array, logitsFrom: number): Uint32Array;
  /**
   * Evaluates the batch. Its rows can be sampled until the next one begins. False after `interrupt`: nothing can be sampled, and of each of its sequences the cells
   * before the batch are as they were; what they hold beyond these is not known.
   */
  decode(): Promise<boolean>;
  /** The same in this thread, which does nothing else meanwhile, and without two changes of threads: for steps that are short. Absent where the thread is not the engine's own. */
  readonly decodeHere?: (() => void) | undefined;
  /** Ends the evaluation in progress within milliseconds, if it has not ended by itself. Absent where that cannot be done. */
  readonly interrupt?: (() => void) | undefined;
  /** Draws a token from a row and takes it into the sampler's state. */
  sample(row: number, sampler: TokenSampler): Promise<number>;
  /** The row's own logits: of `token`, of the most probable token, of the `top` most probable ones. */
  observe(row: number, token: number, top: number): Promise<Observation>;
  /** Drops what the cache holds of a sequence from a position on; false when the model's memory cannot be cut there. */
  truncate(sequence: number, position: number): boolean;
  /** First position that the cache still holds of a sequence; -1 when it holds none. */
  firstPosition(sequence: number): number;
  dispose(): Promise<void>;
}

/**
 * What the cache holds of each sequence. None of these calls may overlap `decode` or each other.
 *
 * `copy` and `shift` only take note; the data moves within the next `decode`. Until then the sequences that they name must not be saved,
 * restored or used as a source again.
 */
export interface SequenceMemory {
  readonly sequences: number;
  /** Tokens that each sequence can hold. */
  readonly contextSize: number;
  truncate(sequence: number, position: number): boolean;
  firstPosition(sequence: number): number;
  /** Last position that the cache holds of a sequence; -1 when it holds none. */
  lastPosition(sequence: number): number;
  /** Makes `to` hold what `from` holds, all of it; what `to` held is dropped. */
  copy(from: number, to: number): Promise<void>;
  /** Drops positions `start` … `end` - 1; false when the model's memory cannot do that. */
  remove(sequence: number, start: number, end: number): boolean;
  /** Adds `delta` to the positions `start` … `end` - 1. Ends the process where llama.cpp cannot do that for the model: see context-shift.ts. */
  shift(sequence: number, start: number, end: number, delta: number): void;
  /** Writes what the cache holds of a sequence, and the tokens beside it, into a new file. Resolves to its size, bytes. */
  save(sequence: number, path: string, tokens: Uint32Array): Promise<number>;
  /**
   * Reads a file that `save` wrote with the same model and settings; resolves to its tokens. After a failure the sequence is empty or
   * undefined. llama.cpp trusts the file: a damaged one can end the process.
   */
  load(sequence: number, path: string): Promise<Uint32Array>;
}

/** Makes samplers and grammars for one model. */
export interface SamplerFactory {
  /** Throws `invalid_request` for a grammar that llama.cpp cannot read. */
  create(
    settings: SamplerSettings,
    grammar: string | undefined,
    contextSize: number,
    /** Told that the grammar took too long for a token, and when that call ends. */
    onEndless?: (ended: Promise<void>) => void,
  ): TokenSampler;
  /** Frees a sampler; no call with it may be in progress. */
  dispose(sampler: TokenSampler): void;
}

interface NativeSampler {
  applyConfig(config: Record<string, unknown>): void;
  dispose(): void;
}

interface NativeBindings {
  readonly AddonSampler: (new (model: object) => NativeSampler) & {
    canBeNextTokenForGrammarEvaluationState(grammar: object, token: number): boolean;
  };
  readonly AddonContext?: { readonly prototype: NativeContext };
  readonly AddonGrammar: new (grammar: string, options: { addonExports: object; rootRuleName: string }) => object;
  readonly AddonGrammarEvaluationState: new (model: object, grammar: object) => object;
}

type LogitsWanted = [tokens: number[], max: boolean, min: boolean, selected: boolean, top: number];

declare const adapterBrand: unique symbol;
/** A LoRA adapter in memory; it goes with its model. */
export interface Adapter {
  readonly [adapterBrand]: true;
}

export interface AppliedAdapter {
  readonly adapter: Adapter;
  readonly scale: number;
}

/** Adapts the weights that the steps of a context use. */
export interface AdapterSwitch {
  /** From the next step on, these and no others; no step may be in progress. */
  adapt(adapters: readonly AppliedAdapter[]): void;
}

interface NativeContext {
  setLoras(adapters: readonly Adapter[], scales: readonly number[]): void;
  initBatch(rows: number): void;
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(row: number, sampler: NativeSampler): Promise<number>;
  sampleToken(
    row: number,
    sampler: NativeSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: LogitsWanted,
    totalWeight: boolean,
  ): Promise<[number, undefined, undefined, number[] | undefined, number | undefined]>;
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  getSequenceKvCacheMinPosition(sequence: number): number;
  getSequenceKvCacheMaxPosition(sequence: number): number;
  shiftSequenceTokenCells(sequence: number, start: number, end: number, delta: number): void;
  copySequenceStateFromOtherSequence(to: number, from: number): Promise<number>;
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>;
  loadSequenceStateFromFile(path: string, sequence: number, mostTokens: number): Promise<Uint32Array>;
  setThreads(threads: number): void;
}

interface NativeModel {
  getTokenString(token: number): string;
  getTokenAttributes(token: number): number;
  detokenize(tokens: Uint32Array, special: boolean): string;
}

interface PrivateModel {
  readonly _model: NativeModel;
  readonly _llama: { readonly _bindings: NativeBindings };
}

interface PrivateContext {
  readonly _ctx: NativeContext;
}

const CONTEXT_CALLS = [
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'sampleToken',
  'removeTokenCellsFromSequence',
  'getSequenceKvCacheMinPosition',
  'getSequenceKvCacheMaxPosition',
  'shiftSequenceTokenCells',
  'copySequenceStateFromOtherSequence',
  'saveSequenceStateToFile',
  'loadSequenceStateFromFile',
  'setThreads',
  'setLoras',
] as const satisfies readonly (keyof NativeContext)[];
const MODEL_CALLS = [
  'getTokenString',
  'getTokenAttributes',
  'detokenize',
] as const satisfies readonly (keyof NativeModel)[];
const BINDING_CLASSES = [
  'AddonSampler',
  'AddonGrammar',
  'AddonGrammarEvaluationState',
] as const satisfies readonly (keyof NativeBindings)[];
const SAMPLER_CALLS = ['canBeNextTokenForGrammarEvaluationState'] as const;

/** Throws `model_load_failed` when the installed binding is not the one whose private members are used here. */
export const checkBindingVersion = (version: string): void => {
  if (version !== BINDING_VERSION) {
    throw new GolekError(
      'model_load_failed',
      `node-llama-cpp ${version} is installed, but this provider works with ${BINDING_VERSION} only; install that version`,
      { details: { installed: version, needed: BINDING_VERSION } },
    );
  }
};

/** How an own build is to be started; the rest of `getLlama`'s options. */
export interface OwnBinary extends Required<Pick<LlamaOptions, 'logLevel' | 'logger' | 'maxThreads'>> {
  readonly build: EngineBuild;
}

interface LlamaFactory {
  _create(options: Record<string, unknown>): Promise<Llama>;
}

/** Starts llama.cpp from an addon at any path, where `getLlama` looks into its own folders only. Throws `model_load_failed` for a build of another version. */
export const openOwnBinary = async (
  binding: { readonly Llama: unknown },
  binary: string,
  { build, ...options }: OwnBinary,
): Promise<Llama> => {
  checkBindingVersion(build.bindingVersion);
  const { repository: repo, release } = build;
  requireFunctions(binding.Llama, 'the call', ['_create']);
  const bindings: unknown = createRequire(import.meta.url)(binary);
  requireFunctions(bindings, 'the call', ['markLoaded', 'loadBackends']);
  return (binding.Llama as LlamaFactory)._create({
    ...options,
    bindings,
    bindingPath: binary,
    buildType: 'localBuild',
    buildMetadata: { buildOptions: { customCmakeOptions: {}, llamaCpp: { repo, release }, gpu: false } },
    vramPadding: 0,
    ramPadding: 0,
    debug: false,
    numa: false,
  });
};

const requireFunctions = (owner: unknown, what: string, names: readonly string[]): void => {
  const missing = names.filter((name) => typeof (owner as Record<string, unknown> | undefined)?.[name] !== 'function');
  if (missing.length > 0) {
    throw new GolekError(
      'model_load_failed',
      `this build of node-llama-cpp lacks ${what} ${missing.join(', ')}; reinstall version ${BINDING_VERSION}`,
      {
        details: { missing },
      },
    );
  }
};

/** Why the batch calls cannot be used with what is installed; undefined: they can. */
export const whyNoBatchCalls = (version: string, model: LlamaModel): string | undefined => {
  try {
    checkBindingVersion(version);
    const { _llama } = privateModel(model);
    requireFunctions(_llama._bindings.AddonContext?.prototype, 'the context calls', CONTEXT_CALLS);
    return undefined;
  } catch (error) {
    return GolekError.from(error).message;
  }
};

const privateModel = (model: LlamaModel): PrivateModel => {
  const opened = model as unknown as Partial<PrivateModel>;
  requireFunctions(opened._model, 'the model calls', MODEL_CALLS);
  requireFunctions(opened._llama?._bindings, 'the classes', BINDING_CLASSES);
  requireFunctions(opened._llama?._bindings.AddonSampler, 'the sampler calls', SAMPLER_CALLS);
  return opened as PrivateModel;
};

/** The vocabulary calls that the public interface does not have. */
export const nativeVocabulary = (
  model: LlamaModel,
): {
  tokenText(token: number): string;
  attributes(token: number): number;
  detokenize(tokens: readonly number[]): string;
} => {
  const { _model: native } = privateModel(model);
  return {
    tokenText: (token) => native.getTokenString(token),
    attributes: (token) => native.getTokenAttributes(token),
    detokenize: (tokens) => native.detokenize(Uint32Array.from(tokens), true),
  };
};

export const samplerFactory = (model: LlamaModel): SamplerFactory => {
  const { _model: native, _llama } = privateModel(model);
  const bindings = _llama._bindings;
  return {
    create: (settings, grammar, contextSize, onEndless) => {
      const state =
        grammar === undefined
          ? undefined
          : new bindings.AddonGrammarEvaluationState(native, parseGrammar(bindings, grammar));
      const sampler = new bindings.AddonSampler(native);
      sampler.applyConfig(nativeConfig(settings, state, contextSize));
      const handle: SamplerHandle = {
        sampler,
        grammar: state,
        greedy: state ? undefined : greedyOf(settings),
        account: { slowMs: 0 },
        onEndless,
      };
      return handle as unknown as TokenSampler;
    },
    dispose: (sampler) => {
      const { sampler: native, endless } = handleOf(sampler);
      if (endless) void endless.then(() => native.dispose());
      else native.dispose();
    },
  };
};

const greedyOf = ({ temperature, penalties, xtc, dry, logitBias }: SamplerSettings): SamplerHandle['greedy'] => {
  if (temperature > 0 || penalties || xtc || dry) return undefined;
  return {
    tokens: Uint32Array.from(logitBias, ([token]) => token),
    biases: Float32Array.from(logitBias, ([, bias]) => bias),
  };
};

const parseGrammar = (bindings: NativeBindings, grammar: string): object => {
  try {
    return new bindings.AddonGrammar(grammar, { addonExports: bindings, rootRuleName: 'root' });
  } catch (cause) {
    throw new GolekError(
      'invalid_request',
      'the grammar cannot be read by llama.cpp: see its GBNF notation, and that every rule is defined and none begins with itself',
      { cause, details: { option: 'output.grammar' } },
    );
  }
};

/** An absent key leaves a stage out; the penalty window is the whole context, so that it covers the whole answer. */
const nativeConfig = (
  settings: SamplerSettings,
  grammar: object | undefined,
  contextSize: number,
): Record<string, unknown> => ({
  temperature: settings.temperature,
  seed: settings.seed,
  ...(settings.topK > 0 && { topK: settings.topK }),
  ...(settings.topP < 1 && { topP: settings.topP }),
  ...(settings.minP > 0 && { minP: settings.minP }),
  ...(settings.penalties && {
    repeatPenalty: settings.penalties.repeat,
    repeatPenaltyFrequencyPenalty: settings.penalties.frequency,
    repeatPenaltyPresencePenalty: settings.penalties.presence,
    repeatPenaltyMaxTokens: Math.min(settings.penalties.lastTokens ?? contextSize, contextSize),
    repeatPenaltyTokens: new Uint32Array(0),
  }),
  ...(settings.xtc && { xtcProbability: settings.xtc.probability, xtcThreshold: settings.xtc.threshold }),
  ...(settings.dry && {
    dryRepeatPenaltyStrength: settings.dry.multiplier,
    dryRepeatPenaltyBase: settings.dry.base,
    dryRepeatPenaltyAllowedLength: settings.dry.allowedLength,
    // This version takes "all" (-1) for "none".
    dryRepeatPenaltyLastTokens: Math.min(settings.dry.lastTokens ?? contextSize, contextSize),
    dryRepeatPenaltySequenceBreakers: [...settings.dry.sequenceBreakers],
  }),
  ...(settings.logitBias.length > 0 && {
    tokenBiasKeys: Uint32Array.from(settings.logitBias, ([token]) => token),
    tokenBiasValues: Float32Array.from(settings.logitBias, ([, bias]) => bias),
  }),
  ...(grammar && { grammarEvaluationState: grammar }),
});

const indexesFrom = (first: number, length: number): Uint32Array =>
  Uint32Array.from({ length: length - first }, (_, index) => first + index);

interface ContextSetup {
  readonly contextSize: number;
  /** All layers are on the CPU: only there can an evaluation be interrupted. */
  readonly onCpu: boolean;
  /** This thread has nothing else to do: it is the engine's. */
  readonly ownThread?: boolean;
  /** Looked at before each step. */
  readonly threads: Pick<ThreadCount, 'most' | 'now'>;
  readonly attachThreads?: AttachThreads | undefined;
  /** Longest that a grammar may take for one token. */
  readonly grammarLimitMs?: number | undefined;
}

interface ContextThreads {
  readonly pool: AddonCalls | undefined;
  /** To be called before each step: from then on as many threads evaluate as are wanted. */
  readonly adjust: () => void;
  /** To be called when a step has succeeded. */
  readonly evaluated: () => void;
}

/** Sets how many threads evaluate, and gives the context lasting ones where it can. */
const startThreads = (
  context: NativeContext,
  threads: ContextSetup['threads'],
  attach: AttachThreads | undefined,
): ContextThreads => {
  let [used, succeeded] = [threads.now, false];
  context.setThreads(used);
  const pool = attach?.(context, used);
  const adjust = (): void => {
    const { now } = threads;
    if (now === used) return;
    pool?.resize(now, succeeded);
    succeeded = false;
    context.setThreads(now);
    used = now;
  };
  return { pool, adjust, evaluated: () => void (succeeded = true) };
};

interface Evaluation {
  /** Resolves to false when it was interrupted. */
  readonly run: () => Promise<boolean>;
  readonly interrupt: (() => void) | undefined;
}

const interruptible = (
  ctx: NativeContext,
  pool: AddonCalls | undefined,
  evaluated: ContextThreads['evaluated'],
): Evaluation => {
  let [running, interrupted] = [false, false];
  return {
    run: async () => {
      running = true;
      try {
        await ctx.decodeBatch();
        evaluated();
        return true;
      } catch (error) {
        if (interrupted) return false;
        throw error;
      } finally {
        if (interrupted) pool?.interrupt(false);
        running = interrupted = false;
      }
    },
    interrupt:
      pool &&
      (() => {
        if (!running) return;
        interrupted = true;
        pool.interrupt(true);
      }),
  };
};

/**
 * The batch calls of a context that no other code uses: sequences of the public interface must not be taken from it.
 * `contextSize` is what was asked for; llama.cpp may round it up.
 */
export const batchContext = (
  context: LlamaContext,
  { contextSize, onCpu, ownThread = false, threads, attachThreads, grammarLimitMs }: ContextSetup,
): BatchContext & SequenceMemory & AdapterSwitch => {
  const native = (context as unknown as Partial<PrivateContext>)._ctx;
  requireFunctions(native, 'the context calls', CONTEXT_CALLS);
  const ctx = native as NativeContext;
  const { _model: model, _llama } = privateModel(context.model);
  // A greedy sampler changes no logit: what it sees is the model's own distribution. One for each call in progress.
  const observers: NativeSampler[] = [];
  const idle: NativeSampler[] = [];
  const newObserver = (): NativeSampler => {
    const observer = new _llama._bindings.AddonSampler(model);
    observer.applyConfig({ temperature: 0 });
    observers.push(observer);
    return observer;
  };
  const { pool, adjust, evaluated } = startThreads(ctx, threads, attachThreads);
  const evaluation = interruptible(ctx, onCpu ? pool : undefined, evaluated);
  const byGrammar = new GrammarDraws(grammarLimitMs);
  const drawByGrammar = (handle: SamplerHandle, draw: () => Promise<number>): Promise<number> =>
    byGrammar.draw(draw, handle.account, (ended) => {
      handle.endless = ended;
      handle.onEndless?.(ended);
    });
  const canEnd = (grammar: object, token: number): boolean =>
    _llama._bindings.AddonSampler.canBeNextTokenForGrammarEvaluationState(grammar, token);
  return {
    sequences: context.totalSequences,
    contextSize,
    batchSize: context.batchSize,
    begin: (rows) => {
      adjust();
      ctx.initBatch(rows);
    },
    add: (sequence, position, tokens, logitsFrom) =>
      ctx.addToBatch(sequence, position, tokens, indexesFrom(logitsFrom, tokens.length)),
    decode: evaluation.run,
    decodeHere:
      pool && ownThread
        ? () => {
            const result = pool.evaluate();
            if (result !== 0) throw new GolekError('provider_failed', `llama_decode gave ${result}`);
            evaluated();
          }
        : undefined,
    interrupt: evaluation.interrupt,
    sample: async (row, sampler) => {
      const handle = handleOf(sampler);
      const { sampler: nativeSampler, grammar, greedy } = handle;
      // Here and now takes less time than the way to another thread.
      const found = greedy && pool ? pool.greedy(row, greedy.tokens, greedy.biases) : -1;
      const draw = (): Promise<number> => ctx.sampleToken(row, nativeSampler);
      const token = found >= 0 ? found : await (grammar === undefined ? draw() : drawByGrammar(handle, draw));
      // Where a grammar leaves no token, this version draws the first one all the same, and ends the answer when that is an end token.
      const stuck =
        token < 0 || (grammar !== undefined && context.model.isEogToken(token as Token) && !canEnd(grammar, token));
      if (stuck)
        throw new GolekError('provider_failed', 'no token of the model can follow what the grammar asks for here');
      return token;
    },
    observe: async (row, token, top) => {
      const observer = idle.pop() ?? newObserver();
      try {
        // "selected" stands for the greatest logit: this version's "max" adds it only when it is there already.
        const wanted: LogitsWanted = [[token], false, false, true, top];
        const [, , , logits, weight] = await ctx.sampleToken(row, observer, false, false, wanted, true);
        if (!logits || weight === undefined) throw new GolekError('provider_failed', 'the engine gave no logits');
        return { logits, weight };
      } finally {
        idle.push(observer);
      }
    },
    truncate: (sequence, position) => ctx.removeTokenCellsFromSequence(sequence, position, -1),
    firstPosition: (sequence) => ctx.getSequenceKvCacheMinPosition(sequence),
    lastPosition: (sequence) => ctx.getSequenceKvCacheMaxPosition(sequence),
    copy: async (from, to) => {
      await ctx.copySequenceStateFromOtherSequence(to, from);
    },
    remove: (sequence, start, end) => ctx.removeTokenCellsFromSequence(sequence, start, end),
    shift: (sequence, start, end, delta) => ctx.shiftSequenceTokenCells(sequence, start, end, delta),
    save: (sequence, path, tokens) => ctx.saveSequenceStateToFile(path, sequence, tokens),
    load: (sequence, path) => ctx.loadSequenceStateFromFile(path, sequence, contextSize),
    adapt: (adapters) =>
      ctx.setLoras(
        adapters.map(({ adapter }) => adapter),
        adapters.map(({ scale }) => scale),
      ),
    dispose: async () => {
      await byGrammar.ended();
      for (const observer of observers) observer.dispose();
      pool?.free();
      await context.dispose();
    },
  };
};

/** The calls on one native context that makes vectors, of one input at a time: the binding gives the vector of sequence 0 only. */
export interface VectorContext {
  /** Evaluates one input and gives its vector, or the classifier's outputs of a model that ranks. Ends with the signal, where a step cannot be interrupted at its end. */
  vector(tokens: Uint32Array, signal: AbortSignal): Promise<Float64Array>;
  dispose(): Promise<void>;
}

interface NativeVectorContext extends NativeContext {
  getEmbedding(tokens: number): Float64Array;
}

const VECTOR_CALLS = [
  'initBatch',
  'addToBatch',
  'decodeBatch',
  'removeTokenCellsFromSequence',
  'setThreads',
  'getEmbedding',
] as const satisfies readonly (keyof NativeVectorContext)[];

/** Creates a context that makes vectors, pooled as the model says. An input is evaluated in steps of at most `batchSize` tokens. */
export const createVectorContext = async (
  model: LlamaModel,
  {
    attachThreads,
    onCpu,
    threads,
    ...options
  }: Omit<LlamaContextOptions, 'threads'> & Omit<ContextSetup, 'contextSize'> & { readonly batchSize: number },
): Promise<VectorContext> => {
  const { batchSize } = options;
  const wanted: LlamaContextOptions & { _embeddings: boolean } = {
    ...options,
    threads: threads.most,
    sequences: 1,
    _embeddings: true,
  };
  const context = await model.createContext(wanted);
  const native = (context as unknown as Partial<PrivateContext>)._ctx;
  requireFunctions(native, 'the context calls', VECTOR_CALLS);
  const ctx = native as NativeVectorContext;
  const { pool, adjust, evaluated } = startThreads(ctx, threads, attachThreads);
  const { run, interrupt } = interruptible(ctx, onCpu ? pool : undefined, evaluated);
  const evaluate = async (signal: AbortSignal): Promise<void> => {
    const stop = (): void => interrupt?.();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await run();
    } finally {
      signal.removeEventListener('abort', stop);
    }
    signal.throwIfAborted();
  };
  return {
    vector: async (tokens, signal) => {
      ctx.removeTokenCellsFromSequence(0, 0, -1);
      for (let from = 0; from < tokens.length; from += batchSize) {
        signal.throwIfAborted();
        const step = tokens.subarray(from, from + batchSize);
        adjust();
        ctx.initBatch(step.length);
        // Pooling needs the output of every token; llama.cpp would ask for it and warn.
        ctx.addToBatch(0, from, step, Uint32Array.from(step.keys()));
        await evaluate(signal);
      }
      return ctx.getEmbedding(tokens.length);
    },
    dispose: () => {
      pool?.free();
      return context.dispose();
    },
  };
};

/** Loads a LoRA adapter's file. A file that llama.cpp refuses can end the process: see lora-file.ts. */
export const loadAdapter = (model: LlamaModel, path: string): Promise<Adapter> => {
  const calls = model as unknown as { _getOrLoadLora?(path: string): Promise<Adapter> };
  requireFunctions(calls, 'the model calls', ['_getOrLoadLora']);
  return (calls as Required<typeof calls>)._getOrLoadLora(path);
};
