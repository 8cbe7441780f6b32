import type { GgmlType, GgufFileInfo, GgufInsights } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import { availableBytes, readMemoryState } from '@golek/providers-spi/machine';
import { ofFile } from './binding-refusal.ts';
import type { LlamaProcess } from './llama-process.ts';
import { engineBytes, requireMemory, type MemoryNeed } from './memory.ts';
import type { KvCacheTypes } from './kv-cache-type.ts';

/** A context that a model is to have. */
export interface ContextShape {
  /** Tokens of each sequence. */
  readonly contextSize: number;
  readonly sequences: number;
  readonly batchSize: number;
  readonly flashAttention: 'auto' | boolean;
  /** It gives vectors. */
  readonly isEmbeddingContext: boolean;
  /** Tokens of a step whose logits lie beside them, which the binding leaves out. */
  readonly logitRows: number;
}

/** What a model is to be loaded with, as far as its memory depends on it. */
export interface EstimateRequest {
  /** Registered name, for messages. */
  readonly name: string;
  readonly path: string;
  readonly contexts: readonly ContextShape[];
  /** Of the files of LoRA adapters, which are read as a whole; counted also where a GPU takes a part. */
  readonly adapterBytes: number;
  /** Layers on a GPU: their memory is not counted. */
  readonly gpuLayers: number;
  readonly kvCache: KvCacheTypes;
  readonly mmap: 'auto' | boolean;
  readonly swaFullCache: boolean;
  readonly signal: AbortSignal;
}

/** The formula's answer may be several times too large, but far beyond that the exact one below would itself take too much. */
const ROUGH_FACTOR = 8;
const LOGIT_BYTES = 4;

/**
 * Bytes of the machine's memory that a model will take. Throws `insufficient_memory` where that is more than there is, or than `limitBytes`.
 * With `isLoaded` what is free does not count: the model has taken its part already.
 */
export const estimateMemory = async (
  { binding, llama }: LlamaProcess,
  request: EstimateRequest,
  {
    limitBytes = Infinity,
    isLoaded = false,
  }: { readonly limitBytes?: number | undefined; readonly isLoaded?: boolean } = {},
): Promise<MemoryNeed> => {
  const { name, path, signal, contexts, adapterBytes: adapters, gpuLayers, swaFullCache, mmap, kvCache } = request;
  const info = await ofFile(() =>
    binding.readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false, signal }),
  );
  const insights = await ofFile(() => binding.GgufInsights.from(info, llama));
  const room = { available: isLoaded ? Infinity : availableBytes(await readMemoryState()), limit: limitBytes };
  const mapped = mmap === 'auto' ? {} : { useMmap: mmap };
  const { cpuRam: weights } = await ofFile(() =>
    insights.estimateModelResourceRequirementsV2({ gpuLayers, ...mapped }),
  );
  const vocabulary = vocabularySize(info, path);
  const engine = engineBytes(vocabulary);
  const typeOf = (name: string): GgmlType => binding.GgmlType[name.toUpperCase() as keyof typeof GgmlType];
  const shared = {
    modelGpuLayers: gpuLayers,
    swaFullCache,
    kvCacheKeyType: typeOf(kvCache.key),
    kvCacheValueType: typeOf(kvCache.value),
  };
  const logits = contexts.reduce((sum, { logitRows }) => sum + logitRows, 0) * vocabulary * LOGIT_BYTES;
  const rough = await sumOf(contexts, ({ flashAttention, ...shape }) =>
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- its successor lays the context out to measure it
    insights.estimateContextResourceRequirements({ ...shared, ...shape, flashAttention: flashAttention !== false }),
  );
  if (rough > ROUGH_FACTOR * room.available) requireMemory(name, { weights, adapters, context: rough, engine }, room);
  const exact = await sumOf(contexts, (shape) =>
    insights.estimateContextResourceRequirementsV2({ ...shared, ...mapped, ...shape }),
  );
  const context = exact + logits;
  const need = { weights, adapters, context, engine };
  requireMemory(name, need, room);
  return need;
};

/** Bytes of the machine's memory that contexts take together. */
const sumOf = async (
  contexts: readonly ContextShape[],
  requirements: (context: ContextShape) => Requirements | Promise<Requirements>,
): Promise<number> => {
  let bytes = 0;
  for (const context of contexts) bytes += (await ofFile(() => requirements(context))).cpuRam;
  return bytes;
};

type Requirements = Awaited<ReturnType<GgufInsights['estimateContextResourceRequirementsV2']>>;

const vocabularySize = (info: GgufFileInfo, path: string): number => {
  // The binding's type says what files should have.
  const { tokenizer } = info.metadata as { tokenizer?: { ggml?: { tokens?: unknown } } };
  const tokens = tokenizer?.ggml?.tokens;
  if (Array.isArray(tokens)) return tokens.length;
  throw new GolekError('model_invalid', `'${path}' has no vocabulary (tokenizer.ggml.tokens)`, {
    details: { file: path },
  });
};
