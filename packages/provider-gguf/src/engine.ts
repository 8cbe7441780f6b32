import type { Llama, LlamaModel } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import {
  batchContext,
  checkBindingVersion,
  nativeVocabulary,
  samplerFactory,
  type BatchContext,
  type SamplerFactory,
} from './binding.ts';
import { availableBytes, readMemoryState, requireMemory } from './memory.ts';
import type { GgufProviderOptions, ResolvedOptions } from './options.ts';
import type { Vocabulary } from './token-bytes.ts';

/** How a model is to be loaded. */
export interface LoadRequest {
  /** Registered name, for messages. */
  readonly name: string;
  readonly path: string;
  readonly options: ResolvedOptions;
  readonly contextSize: number;
  readonly signal: AbortSignal;
  readonly onProgress: ((fraction: number) => void) | undefined;
}

/** A context that only makes vectors. */
export interface EmbeddingContext {
  /** The vector of one input, as the model gives it. */
  embed(tokens: readonly number[]): Promise<readonly number[]>;
  /** Tokens that `embed` evaluates for an input, the special ones that it adds included. */
  count(tokens: readonly number[]): number;
  dispose(): Promise<void>;
}

/** A model in memory. */
export interface EngineModel {
  readonly vocabulary: Vocabulary;
  readonly samplers: SamplerFactory;
  /** Beginning of sequence, where the model has one and wants it before every prompt. */
  readonly beginning: number | undefined;
  readonly beginningText: string;
  readonly endText: string;
  /** Text to tokens; `special`: spellings of special tokens become these tokens. */
  tokenize(text: string, special: boolean): number[];
  /** Tokens to text, special ones shown. */
  detokenize(tokens: readonly number[]): string;
  createBatchContext(signal: AbortSignal): Promise<BatchContext>;
  createEmbeddingContext(batchSize: number, signal: AbortSignal): Promise<EmbeddingContext>;
  dispose(): Promise<void>;
}

/** llama.cpp in this process. */
export interface Engine {
  /** Back end that is used: `cpu`, `cuda`, `vulkan` or `metal`. */
  readonly backend: string;
  load(request: LoadRequest): Promise<EngineModel>;
  dispose(): Promise<void>;
}

/** Lines that llama.cpp reported as errors, newest last: its own calls only say that they failed. */
class ErrorLines {
  #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line.trim());
    if (this.#lines.length > 20) this.#lines.shift();
  }

  clear(): void {
    this.#lines = [];
  }

  /** The first error says what went wrong, later ones what failed because of it. */
  get first(): string | undefined {
    return this.#lines.find((line) => line.length > 0);
  }
}

/** Starts llama.cpp on the wanted back end. Throws `model_load_failed` when the binding or the back end is not usable here. */
export const startEngine = async ({ gpu = 'auto', log }: Pick<GgufProviderOptions, 'gpu' | 'log'>): Promise<Engine> => {
  const binding = await import('node-llama-cpp').catch((cause: unknown) => {
    throw new GolekError('model_load_failed', `node-llama-cpp cannot be loaded: ${GolekError.from(cause).message}`, { cause });
  });
  checkBindingVersion(await binding.getModuleVersion());
  const errors = new ErrorLines();
  const llama = await binding
    .getLlama({
      gpu,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      // 0: the threads of each context are what its settings say.
      maxThreads: 0,
      logLevel: binding.LlamaLogLevel.warn,
      logger: (level, message) => {
        const isError = level === binding.LlamaLogLevel.error || level === binding.LlamaLogLevel.fatal;
        if (isError) errors.add(message);
        log?.[isError ? 'error' : 'warn']({ engine: 'llama.cpp' }, message.trimEnd());
      },
    })
    .catch((cause: unknown) => {
      const wanted = gpu === 'auto' || gpu === false ? 'this machine' : `the back end '${gpu}' on this machine`;
      throw new GolekError('model_load_failed', `llama.cpp has no usable binary for ${wanted}: ${GolekError.from(cause).message}`, { cause });
    });
  if (gpu === 'auto' && llama.gpu === false) log?.info({ gpu }, 'no GPU back end of llama.cpp works here: models run on the CPU');
  return {
    backend: llama.gpu === false ? 'cpu' : llama.gpu,
    load: (request) => load(binding, llama, errors, request),
    dispose: () => llama.dispose(),
  };
};

type Binding = typeof import('node-llama-cpp');

const load = async (
  binding: Binding,
  llama: Llama,
  errors: ErrorLines,
  request: LoadRequest,
): Promise<EngineModel> => {
  const { name, path, options, contextSize, signal, onProgress } = request;
  signal.throwIfAborted();
  errors.clear();
  const onCpu = llama.gpu === false;
  const flashAttention = flashAttentionFor(options, onCpu);
  try {
    if (onCpu) await checkMemory(binding, llama, request);
    let reported = 0;
    const model = await llama.loadModel({
      modelPath: path,
      gpuLayers: onCpu ? 0 : options.gpuLayers,
      defaultContextFlashAttention: flashAttention,
      // On the CPU the check above takes control groups into account, which the binding's own does not.
      ignoreMemorySafetyChecks: onCpu,
      loadSignal: signal,
      ...(onProgress && {
        onLoadProgress: (fraction: number) => {
          if (fraction > reported) onProgress((reported = Math.min(1, fraction)));
        },
      }),
    });
    return engineModel(model, options, contextSize, onCpu);
  } catch (cause) {
    if (cause instanceof GolekError) throw cause;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    if (cause instanceof binding.InsufficientMemoryError) {
      throw new GolekError('insufficient_memory', `model '${name}' does not fit into memory: ${cause.message}`, { cause });
    }
    const reason = errors.first ?? GolekError.from(cause).message;
    throw new GolekError('model_invalid', `'${path}' cannot be loaded by llama.cpp: ${reason}`, { cause, details: { model: name, file: path } });
  }
};

const flashAttentionFor = ({ flashAttention }: ResolvedOptions, onCpu: boolean): 'auto' | boolean =>
  flashAttention === 'auto' && onCpu ? false : flashAttention;

const checkMemory = async (binding: Binding, llama: Llama, request: LoadRequest): Promise<void> => {
  const { name, path, options, contextSize, signal } = request;
  const info = await binding.readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false, signal });
  const insights = await binding.GgufInsights.from(info, llama);
  const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers: 0 });
  const context = await insights.estimateContextResourceRequirementsV2({
    contextSize,
    modelGpuLayers: 0,
    sequences: options.parallel,
    batchSize: options.batchSize,
    flashAttention: flashAttentionFor(options, true),
  });
  requireMemory(name, { weights: weights.cpuRam, context: context.cpuRam }, availableBytes(await readMemoryState()));
};

const engineModel = (model: LlamaModel, options: ResolvedOptions, contextSize: number, onCpu: boolean): EngineModel => {
  const native = nativeVocabulary(model);
  const { tokens } = model;
  return {
    vocabulary: {
      ...native,
      size: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
      isEndOfGeneration: (token) => model.isEogToken(token as never),
    },
    samplers: samplerFactory(model),
    beginning: tokens.shouldPrependBosToken ? (tokens.bos ?? undefined) : undefined,
    beginningText: tokens.bosString ?? '',
    endText: tokens.eosString ?? '',
    tokenize: (text, special) => model.tokenize(text, special),
    detokenize: (ids) => model.detokenize(ids as never, true),
    createBatchContext: async (signal) => {
      const context = await model.createContext({
        contextSize,
        sequences: options.parallel,
        batchSize: options.batchSize,
        threads: options.threads,
        flashAttention: flashAttentionFor(options, onCpu),
        failedCreationRemedy: false,
        ignoreMemorySafetyChecks: onCpu,
        createSignal: signal,
      });
      return batchContext(context, { contextSize, threads: options.threads });
    },
    createEmbeddingContext: async (batchSize, signal) => {
      const context = await model.createEmbeddingContext({
        contextSize,
        batchSize,
        threads: options.threads,
        ignoreMemorySafetyChecks: onCpu,
        createSignal: signal,
      });
      return {
        embed: async (ids) => (await context.getEmbeddingFor([...ids] as never)).vector,
        count: (ids) => context.calculateInputLength([...ids] as never),
        dispose: () => context.dispose(),
      };
    },
    dispose: () => model.dispose(),
  };
};
