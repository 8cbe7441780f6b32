/** How the vectors of an input's tokens become one, as a model's `pooling` option names it. */
export const POOLINGS = ['mean', 'cls', 'last', 'rank'] as const;
export type Pooling = (typeof POOLINGS)[number];

/** llama.cpp's numbers of them; 0 is none: the vectors of the tokens stay apart. */
export const POOLING_TYPES: Readonly<Record<'none' | Pooling, number>> = { none: 0, mean: 1, cls: 2, last: 3, rank: 4 };

/**
 * The pooling type that a model is loaded with: what is asked for, else what the file says, else the last token of a causal model
 * (the one that has seen all others) and the mean of an encoder, as sentence-transformers does.
 */
export const poolingType = (asked: Pooling | undefined, said: number | undefined, causal: boolean): number => {
  if (asked !== undefined) return POOLING_TYPES[asked];
  if (said !== undefined && said !== POOLING_TYPES.none) return said;
  return causal ? POOLING_TYPES.last : POOLING_TYPES.mean;
};
