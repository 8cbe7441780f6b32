import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LlamaModel } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import { batchContext, nativeVocabulary, samplerFactory, type BatchContext, type SamplerFactory } from './binding.ts';
import { llamaProcess, type LlamaProcess, type LogListener } from './llama-process.ts';
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
  /** Where its layers are. */
  readonly device: 'cpu' | 'gpu';
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
  load(request: LoadRequest): Promise<EngineModel>;
  /** Ends the reports to this engine's log; models are disposed by who opened them. */
  dispose(): void;
}

/** Starts llama.cpp on the wanted back end. Throws `model_load_failed` when it is not usable here. */
export const startEngine = async ({ gpu = 'auto', log }: Pick<GgufProviderOptions, 'gpu' | 'log'>): Promise<Engine> => {
  const running = await llamaProcess(gpu);
  const { llama, listeners } = running;
  const listener: LogListener = (level, line) => log?.[level]({ engine: 'llama.cpp' }, line);
  listeners.add(listener);
  if (gpu === 'auto' && llama.gpu === false)
    log?.info({ gpu }, 'no GPU back end of llama.cpp works here: models run on the CPU');
  return {
    load: (request) => load(running, request),
    dispose: () => void listeners.delete(listener),
  };
};

const load = async (running: LlamaProcess, request: LoadRequest): Promise<EngineModel> => {
  const { binding, llama, listeners } = running;
  const { name, path, options, contextSize, signal, onProgress } = request;
  signal.throwIfAborted();
  // llama.cpp's calls only say that they failed; why is in its log, where the first error is the cause of the others.
  let reason: string | undefined;
  const listener: LogListener = (level, line) => {
    if (level === 'error' && line !== '') reason ??= line;
  };
  listeners.add(listener);
  const onCpu = llama.gpu === false;
  try {
    if (onCpu) await checkMemory(running, request);
    let reported = 0;
    const model = await llama.loadModel({
      modelPath: path,
      gpuLayers: onCpu ? 0 : options.gpuLayers,
      defaultContextFlashAttention: flashAttentionFor(options, onCpu),
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

const flashAttentionFor = ({ flashAttention }: ResolvedOptions, onCpu: boolean): 'auto' | boolean =>
  flashAttention === 'auto' && onCpu ? false : flashAttention;

/** The formula's answer may be several times too large, but far beyond that the exact one below would itself take too much. */
const ROUGH_FACTOR = 8;

const checkMemory = async ({ binding, llama }: LlamaProcess, request: LoadRequest): Promise<void> => {
  const { name, path, options, contextSize, signal } = request;
  const info = await binding.readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false, signal });
  const insights = await binding.GgufInsights.from(info, llama);
  const available = availableBytes(await readMemoryState());
  const weights = (await insights.estimateModelResourceRequirementsV2({ gpuLayers: 0 })).cpuRam;
  const shape = {
    contextSize,
    modelGpuLayers: 0,
    sequences: options.parallel,
    batchSize: options.batchSize,
  };
  const flashAttention = flashAttentionFor(options, true);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- its successor lays the context out to measure it
  const rough = insights.estimateContextResourceRequirements({
    ...shape,
    flashAttention: flashAttention === true,
  }).cpuRam;
  if (rough > ROUGH_FACTOR * available) requireMemory(name, { weights, context: rough }, available);
  const context = (await insights.estimateContextResourceRequirementsV2({ ...shape, flashAttention })).cpuRam;
  requireMemory(name, { weights, context }, available);
};

const engineModel = (model: LlamaModel, options: ResolvedOptions, contextSize: number, onCpu: boolean): EngineModel => {
  const native = nativeVocabulary(model);
  const { tokens } = model;
  return {
    device: !onCpu && model.gpuLayers > 0 ? 'gpu' : 'cpu',
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
