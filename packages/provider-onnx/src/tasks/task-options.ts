/** What a model does with text, beside being a graph of tensors. */
export const TEXT_TASKS = ['embed', 'classify', 'token-classify', 'rerank', 'generate'] as const;
export type TextTask = (typeof TEXT_TASKS)[number];

/** How the vectors of an input's tokens become one; `graph`: the graph does it itself. */
export const POOLINGS = ['mean', 'cls', 'last', 'max', 'graph'] as const;
export type Pooling = (typeof POOLINGS)[number];

/** Settings of a model that say what its graph is for. */
export interface TaskOptions {
  /** `tensor`: nothing but tensors. Default `auto`: what the graph, config.json and the tokenizer's files say. */
  readonly task?: 'auto' | TextTask | 'tensor';
  /** Default: what the model's files say, else the graph's own pooled output, else `mean`. */
  readonly pooling?: Pooling;
  /** Vectors are given with the length 1. Default true. */
  readonly normalize?: boolean;
  /** Texts that are too long: `files` cuts them where the model's files say so, `never` refuses them, `always` cuts them. Default `files`. */
  readonly truncate?: 'files' | 'never' | 'always';
  /** Tokens of one input, or of prompt and answer. Default: what the model was trained for. */
  readonly contextSize?: number;
  /** Most tokens that are evaluated together, padding included. Default 4096. */
  readonly maxBatchTokens?: number;
  /** Longest that an input waits for others although the engine is free, ms. Default 2; 0: never. */
  readonly maxBatchDelayMs?: number;
}
