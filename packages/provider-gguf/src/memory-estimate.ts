import type { GgmlType, GgufFileInfo } from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import { availableBytes, readMemoryState } from '@golek/providers-spi/machine';
import { ofFile } from './binding-refusal.ts';
import type { LlamaProcess } from './llama-process.ts';
import { engineBytes, requireMemory, type MemoryNeed } from './memory.ts';
import type { KvCacheTypes } from './kv-cache-type.ts';

/** What a model is to be loaded with, as far as its memory depends on it. */
export interface EstimateRequest {
  /** Registered name, for messages. */
  readonly name: string;
  readonly path: string;
  readonly contextSize: number;
  readonly parallel: number;
  readonly batchSize: number;
  /** Layers on a GPU: their memory is not counted. */
  readonly gpuLayers: number;
  readonly flashAttention: 'auto' | boolean;
  readonly kvCache: KvCacheTypes;
  readonly mmap: 'auto' | boolean;
  readonly swaFullCache: boolean;
  readonly signal: AbortSignal;
}

/** The formula's answer may be several times too large, but far beyond that the exact one below would itself take too much. */
const ROUGH_FACTOR = 8;

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
  const { name, path, signal, contextSize, gpuLayers, batchSize, parallel, swaFullCache, mmap, kvCache } = request;
  const info = await ofFile(() =>
    binding.readGgufFileInfo(path, { sourceType: 'filesystem', logWarnings: false, signal }),
  );
  const insights = await ofFile(() => binding.GgufInsights.from(info, llama));
  const room = { available: isLoaded ? Infinity : availableBytes(await readMemoryState()), limit: limitBytes };
  const mapped = mmap === 'auto' ? {} : { useMmap: mmap };
  const { cpuRam: weights } = await ofFile(() =>
    insights.estimateModelResourceRequirementsV2({ gpuLayers, ...mapped }),
  );
  const engine = engineBytes(vocabularySize(info, path));
  const typeOf = (name: string): GgmlType => binding.GgmlType[name.toUpperCase() as keyof typeof GgmlType];
  const shape = {
    contextSize,
    modelGpuLayers: gpuLayers,
    sequences: parallel,
    batchSize,
    swaFullCache,
    kvCacheKeyType: typeOf(kvCache.key),
    kvCacheValueType: typeOf(kvCache.value),
  };
  const flashAttention = request.flashAttention;
  const { cpuRam: rough } = await ofFile(() =>
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- its successor lays the context out to measure it
    insights.estimateContextResourceRequirements({ ...shape, flashAttention: flashAttention === true }),
  );
  if (rough > ROUGH_FACTOR * room.available) requireMemory(name, { weights, context: rough, engine }, room);
  const { cpuRam: context } = await ofFile(() =>
    insights.estimateContextResourceRequirementsV2({ ...shape, ...mapped, flashAttention }),
  );
  const need = { weights, context, engine };
  requireMemory(name, need, room);
  return need;
};

const vocabularySize = (info: GgufFileInfo, path: string): number => {
  // The binding's type says what files should have.
  const { tokenizer } = info.metadata as { tokenizer?: { ggml?: { tokens?: unknown } } };
  const tokens = tokenizer?.ggml?.tokens;
  if (Array.isArray(tokens)) return tokens.length;
  throw new GolekError('model_invalid', `'${path}' has no vocabulary (tokenizer.ggml.tokens)`, {
    details: { file: path },
  });
};
