import { GolekError } from '@golek/providers-spi';

/** Bytes that a model takes, by what for. */
export interface MemoryNeed {
  readonly weights: number;
  /** LoRA adapters. */
  readonly adapters: number;
  /** KV cache and working memory of all sequences, those that become vectors included. */
  readonly context: number;
  /** The engine's process and the vocabulary. */
  readonly engine: number;
}

/** Measured with vocabularies of 2,000 and 152,000 tokens: what an engine's process takes beside weights and context. */
const ENGINE_BYTES = 64 * 2 ** 20;
const TOKEN_BYTES = 1_024;

export const engineBytes = (vocabulary: number): number => ENGINE_BYTES + vocabulary * TOKEN_BYTES;

export const totalBytes = ({ weights, adapters, context, engine }: MemoryNeed): number =>
  weights + adapters + context + engine;

/** How much a model may take, bytes. */
export interface MemoryRoom {
  /** What the machine and the control group have left. */
  readonly available: number;
  /** What the owner of the provider allows this model. */
  readonly limit: number;
}

/** Throws `insufficient_memory` with both numbers when a model needs more than there is, or than it is allowed. */
export const requireMemory = (model: string, need: MemoryNeed, { available, limit }: MemoryRoom): void => {
  const required = totalBytes(need);
  const least = Math.min(available, limit);
  if (required <= least) return;
  const adapters = need.adapters > 0 ? `, adapters ${size(need.adapters)}` : '';
  const left = limit < available ? 'are left of the memory for models' : 'are available';
  throw new GolekError(
    'insufficient_memory',
    `model '${model}' needs about ${size(required)} of memory (weights ${size(need.weights)}${adapters}, context ${size(need.context)}, engine ${size(need.engine)}) but ${size(Math.max(0, least))} ${left}; ` +
      'free memory, or lower contextSize or parallel, or quantise the KV cache (kvCacheType)',
    { details: { model, requiredBytes: required, availableBytes: Math.max(0, least) } },
  );
};

const size = (bytes: number): string =>
  bytes >= 1 << 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
