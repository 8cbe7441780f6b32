import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GgmlType, LlamaContext, LlamaModel, LlamaModelOptions } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import {
  batchContext,
  createVectorContext,
  loadAdapter,
  nativeVocabulary,
  samplerFactory,
  whyNoBatchCalls,
  type Adapter,
  type AdapterSwitch,
  type BatchContext,
  type SamplerFactory,
  type SequenceMemory,
  type VectorContext,
} from './binding.ts';
import { BindingRefusal, ofFile } from './binding-refusal.ts';
import { evaluateContext, evaluateSamplers, publicVocabulary, type EvaluateContext } from './evaluate-context.ts';
import { frameTokensOf, type FrameTokens } from './frame-tokens.ts';
import { infillTokensOf, type InfillTokens } from './infill.ts';
import { kvCacheFor, type HeadSizes, type KvCacheTypes } from './kv-cache-type.ts';
import { llamaProcess, type LlamaProcess, type LogListener } from './llama-process.ts';
import { totalBytes, type MemoryNeed } from './memory.ts';
import { estimateMemory, type ContextShape, type EstimateRequest } from './memory-estimate.ts';
import { findNativeThreads, type AttachThreads } from './native-threads.ts';
import type { GgufProviderOptions, ResolvedOptions } from './options.ts';
import { ThreadCount } from './thread-count.ts';
import type { Vocabulary } from './token-bytes.ts';

/** How inputs that become vectors are evaluated: of at most `contextSize` tokens, in steps of at most `batchSize`. */
export interface VectorSizes {
  readonly contextSize: number;
  readonly batchSize: number;
  /** Whether llama.cpp keeps the logits of every token of a step beside the vectors: it does where the model has any. */
  readonly hasLogits: boolean;
}

/** How a model is to be loaded. */
export interface LoadRequest {
  /** Registered name, for messages. */
  readonly name: string;
  readonly path: string;
  readonly options: ResolvedOptions;
  readonly contextSize: number;
  /** Those of another model that works in turn with this one. Default: of its own, `options.threads`. */
  readonly threads?: ThreadCount;
  /** It is to generate, in sequences of `contextSize`. */
  readonly generates: boolean;
  /** It is to make vectors, of inputs of this size; undefined: it is not. */
  readonly vectors: VectorSizes | undefined;
  /** Of the files of the LoRA adapters that are to be loaded with it. */
  readonly adapterBytes: number;
  readonly heads: HeadSizes;
  /** Bytes that the model may take at most. */
  readonly memoryLimitBytes: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: ((fraction: number) => void) | undefined;
  /** Replaces the pooling that the file says. */
  readonly pooling?: { readonly architecture: string; readonly type: number } | undefined;
}

/** A model in memory. */
export interface EngineModel {
  readonly vocabulary: Vocabulary;
  /** Where its layers are. */
  readonly device: 'cpu' | 'gpu';
  /** What it takes of the machine's memory, its context included, as estimated. */
  readonly memoryBytes: number;
  /** What its contexts evaluate with. */
  readonly threads: ThreadCount;
  readonly samplers: SamplerFactory;
  /** Beginning of sequence, where the model has one and wants it before every prompt. */
  readonly beginning: number | undefined;
  readonly beginningText: string;
  readonly endText: string;
  /** Special tokens around inputs that become vectors. */
  readonly frame: FrameTokens;
  /** Absent where the model cannot fill in between a prefix and a suffix. */
  readonly infill: InfillTokens | undefined;
  /** Text to tokens; `special`: spellings of special tokens become these tokens. */
  tokenize(text: string, special: boolean): number[];
  /** Tokens to text, special ones shown. */
  detokenize(tokens: readonly number[]): string;
  /** Why generation has to do without the batch calls, with the binding's own `evaluate`; undefined: it has not. */
  readonly withoutBatchCalls: string | undefined;
  /** Not where `withoutBatchCalls` is set. */
  createBatchContext(signal: AbortSignal): Promise<BatchContext & SequenceMemory & AdapterSwitch>;
  createEvaluateContext(signal: AbortSignal): Promise<EvaluateContext>;
  /** Loads a LoRA adapter whose file has been checked. */
  loadAdapter(path: string): Promise<Adapter>;
  createVectorContext(sizes: VectorSizes, signal: AbortSignal): Promise<VectorContext>;
  dispose(): Promise<void>;
}

/** llama.cpp in this process. */
export interface Engine {
  load(request: LoadRequest): Promise<EngineModel>;
  /** Ends the reports to this engine's log; models are disposed by who opened them. */
  dispose(): void;
}

/** Starts llama.cpp on the wanted back end. Throws `model_load_failed` when it is not usable here. */
export const startEngine = async ({
  gpu = 'auto',
  binary,
  nativeThreads,
  log,
  ownThread = false,
  grammarLimitMs,
}: Pick<GgufProviderOptions, 'gpu' | 'binary' | 'nativeThreads' | 'log'> & {
  /** This thread has nothing else to do. */
  readonly ownThread?: boolean;
  /** Longest that a grammar may take for one token. */
  readonly grammarLimitMs?: number | undefined;
}): Promise<Engine> => {
  const running = await llamaProcess(gpu, binary);
  const attachThreads = usableThreads(nativeThreads, log);
  const { llama, listeners } = running;
  const listener: LogListener = (level, line) => log?.[level]({ engine: 'llama.cpp' }, line);
  listeners.add(listener);
  if (gpu === 'auto' && llama.gpu === false)
    log?.info({ gpu }, 'no GPU back end of llama.cpp works here: models run on the CPU');
  return {
    load: (request) => load({ ...running, attachThreads, ownThread, grammarLimitMs }, request),
    dispose: () => void listeners.delete(listener),
  };
};

/** A thread addon that cannot be used costs speed, not the start. */
const usableThreads = (
  file: GgufProviderOptions['nativeThreads'],
  log: GgufProviderOptions['log'],
): AttachThreads | undefined => {
  try {
    return findNativeThreads(file);
  } catch (error) {
    log?.warn({ err: error }, `models run without lasting threads: ${GolekError.from(error).message}`);
    return undefined;
  }
};

/** llama.cpp with what was found beside it. */
interface EngineProcess extends LlamaProcess {
  readonly attachThreads: AttachThreads | undefined;
  readonly ownThread: boolean;
  readonly grammarLimitMs: number | undefined;
}

const load = async (running: EngineProcess, request: LoadRequest): Promise<EngineModel> => {
  const { binding, llama, listeners } = running;
  const { name, path, options, signal, onProgress } = request;
  signal.throwIfAborted();
  // llama.cpp's calls only say that they failed; why is in its log, where the first error is the cause of the others.
  let reason: string | undefined;
  const listener: LogListener = (level, line) => {
    if (level === 'error' && line !== '') reason ??= line;
  };
  listeners.add(listener);
  const onCpu = llama.gpu === false;
  try {
    const estimate = estimateRequest(request, onCpu);
    const { kvCache } = estimate;
    if (options.mlock && !llama.supportsMlock)
      throw new GolekError(
        'unsupported',
        `mlock of the model '${name}': this system cannot keep memory from being swapped`,
      );
    const checked = onCpu
      ? await estimateMemory(running, estimate, { limitBytes: request.memoryLimitBytes })
      : undefined;
    let reported = 0;
    const model = await ofFile(() =>
      llama.loadModel({
        modelPath: path,
        gpuLayers: onCpu ? 0 : options.gpuLayers,
        useMmap: options.mmap,
        useMlock: options.mlock,
        // Every context of the model takes these.
        defaultContextFlashAttention: flashAttentionFor(options, onCpu),
        defaultContextSwaFullCache: options.swaFullCache,
        ...cacheOptions(kvCache),
        // On the CPU the check above takes control groups into account, which the binding's own does not.
        ignoreMemorySafetyChecks: onCpu,
        loadSignal: signal,
        ...(request.pooling && {
          metadataOverrides: { [request.pooling.architecture]: { pooling_type: request.pooling.type } },
        }),
        ...(onProgress && {
          onLoadProgress: (fraction: number) => {
            if (fraction > reported) onProgress((reported = Math.min(1, fraction)));
          },
        }),
      }),
    );
    const need = checked ?? (await measured(running, model, request, estimate));
    try {
      return engineModel(running, model, request, { onCpu, memoryBytes: totalBytes(need) });
    } catch (thrown) {
      await model.dispose();
      throw thrown;
    }
  } catch (thrown) {
    if (thrown instanceof GolekError) throw thrown;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (!(thrown instanceof BindingRefusal)) throw ownMistake(name, thrown);
    const { cause } = thrown;
    if (cause instanceof binding.InsufficientMemoryError) {
      throw new GolekError('insufficient_memory', `model '${name}' does not fit into memory: ${cause.message}`, {
        cause,
      });
    }
    // Log lines come in turns of their own.
    await nextTurn();
    throw new GolekError(
      'model_invalid',
      `'${path}' cannot be loaded by llama.cpp: ${reason ?? GolekError.from(cause).message}`,
      {
        cause,
        details: { model: name, file: path },
      },
    );
  } finally {
    listeners.delete(listener);
  }
};

/** It must not be looked for in the file. */
const ownMistake = (name: string, cause: unknown): GolekError =>
  new GolekError(
    'internal',
    `loading the model '${name}' failed by a mistake in Golek, not in the file: ${GolekError.from(cause).message}`,
    { cause, details: { model: name } },
  );

const flashAttentionFor = ({ flashAttention }: ResolvedOptions, onCpu: boolean): 'auto' | boolean =>
  flashAttention === 'auto' && onCpu ? false : flashAttention;

const estimateRequest = (request: LoadRequest, onCpu: boolean): EstimateRequest => {
  const { name, path, options, adapterBytes, heads, signal } = request;
  const { kvCacheType, mmap, swaFullCache } = options;
  const flashAttention = flashAttentionFor(options, onCpu);
  const kvCache = kvCacheFor({ model: name, kvCacheType, flashAttention, heads });
  const contexts = contextsOf(request, flashAttention);
  return { name, path, contexts, adapterBytes, kvCache, mmap, swaFullCache, gpuLayers: 0, signal };
};

/** The contexts that the model may come to have; the one for vectors is created when the first are asked for. */
const contextsOf = (
  { options, contextSize, generates, vectors }: LoadRequest,
  flashAttention: 'auto' | boolean,
): ContextShape[] => {
  const { parallel: sequences, batchSize } = options;
  const shapes: ContextShape[] = [];
  if (generates)
    shapes.push({ contextSize, sequences, batchSize, flashAttention, isEmbeddingContext: false, logitRows: 0 });
  if (vectors) {
    const { hasLogits, ...sizes } = vectors;
    const logitRows = hasLogits ? sizes.batchSize : 0;
    const { flashAttention: asked } = options;
    shapes.push({ ...sizes, sequences: 1, flashAttention: asked, isEmbeddingContext: true, logitRows });
  }
  return shapes;
};

/* eslint-disable @typescript-eslint/no-deprecated -- so the binding marks what is experimental: a wrong pair ends the process in llama.cpp, which `kvCacheFor` keeps out */
const cacheOptions = ({ key, value }: KvCacheTypes): Pick<LlamaModelOptions, CacheOption> => ({
  experimentalDefaultContextKvCacheKeyType: key.toUpperCase() as keyof typeof GgmlType,
  experimentalDefaultContextKvCacheValueType: value.toUpperCase() as keyof typeof GgmlType,
});

/* eslint-enable @typescript-eslint/no-deprecated */

type CacheOption = 'experimentalDefaultContextKvCacheKeyType' | 'experimentalDefaultContextKvCacheValueType';

/** How many layers a GPU holds, and so what is left to the machine's memory, shows only when the model is loaded. */
const measured = async (
  running: LlamaProcess,
  model: LlamaModel,
  { memoryLimitBytes: limitBytes }: LoadRequest,
  estimate: EstimateRequest,
): Promise<MemoryNeed> => {
  try {
    return await estimateMemory(running, { ...estimate, gpuLayers: model.gpuLayers }, { limitBytes, isLoaded: true });
  } catch (thrown) {
    await model.dispose();
    throw thrown;
  }
};

interface Loaded {
  readonly onCpu: boolean;
  readonly memoryBytes: number;
}

const engineModel = (
  running: EngineProcess,
  model: LlamaModel,
  { options, contextSize, threads = new ThreadCount(options.threads) }: LoadRequest,
  { onCpu, memoryBytes }: Loaded,
): EngineModel => {
  const { attachThreads, ownThread, grammarLimitMs } = running;
  const { tokens } = model;
  const lacking = whyNoBatchCalls(running.version, model);
  const withoutBatchCalls = options.scheduler === 'evaluate' ? "the option 'scheduler' says so" : lacking;
  const newContext = (signal: AbortSignal): Promise<LlamaContext> =>
    model.createContext({
      contextSize,
      sequences: options.parallel,
      batchSize: options.batchSize,
      threads: options.threads,
      flashAttention: flashAttentionFor(options, onCpu),
      failedCreationRemedy: false,
      ignoreMemorySafetyChecks: onCpu,
      createSignal: signal,
    });
  return {
    device: !onCpu && model.gpuLayers > 0 ? 'gpu' : 'cpu',
    memoryBytes,
    threads,
    vocabulary: {
      ...(lacking === undefined ? nativeVocabulary(model) : publicVocabulary(model)),
      size: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
      isEndOfGeneration: (token) => model.isEogToken(token as never),
    },
    withoutBatchCalls,
    samplers:
      withoutBatchCalls === undefined ? samplerFactory(model) : evaluateSamplers(running.llama, model, running.binding),
    beginning: tokens.shouldPrependBosToken ? (tokens.bos ?? undefined) : undefined,
    beginningText: tokens.bosString ?? '',
    endText: tokens.eosString ?? '',
    frame: frameTokensOf(model),
    infill: infillTokensOf(model),
    loadAdapter: (path) => loadAdapter(model, path),
    tokenize: (text, special) => model.tokenize(text, special),
    detokenize: (ids) => model.detokenize(ids as never, true),
    createBatchContext: async (signal) =>
      batchContext(await newContext(signal), {
        contextSize,
        onCpu,
        ownThread,
        threads,
        attachThreads,
        grammarLimitMs,
      }),
    createEvaluateContext: async (signal) => {
      const context = evaluateContext(await newContext(signal), contextSize);
      // The limit is of all contexts of the process: only where this model is alone in it. 0 is none.
      if (ownThread) threads.onChange = (count) => void (running.llama.maxThreads = count === threads.most ? 0 : count);
      return context;
    },
    createVectorContext: async ({ hasLogits: _, ...sizes }, signal) => {
      if (lacking !== undefined)
        throw new GolekError('unsupported', `no vectors without the binding's private calls: ${lacking}`);
      return createVectorContext(model, {
        ...sizes,
        onCpu,
        attachThreads,
        threads,
        // An input is evaluated alone and always cut the same way, so that its numbers depend on nothing else; without it the memory grows with the square of the input.
        flashAttention: options.flashAttention,
        failedCreationRemedy: false,
        ignoreMemorySafetyChecks: onCpu,
        createSignal: signal,
      });
    },
    dispose: () => model.dispose(),
  };
};
