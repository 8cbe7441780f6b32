import { BLOCK_FORMATS, type BlockFormat } from './block-formats.ts';
import { SPECIAL_TOKENS } from './synthetic-vocabulary.ts';

/** What decides how fast a model is: its architecture and its sizes. */
export interface ModelShape {
  readonly architecture: 'llama' | 'qwen2';
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  /** Heads of keys and values; fewer than `heads` with grouped-query attention. */
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  /** Tokens of context that the file says the model was trained for. */
  readonly context: number;
  readonly format: BlockFormat;
  /** Format of the embeddings, which are the output layer too. */
  readonly embeddingFormat: BlockFormat;
}

type Sizes = Omit<ModelShape, 'format' | 'embeddingFormat'>;

/** Shapes of models that people use: 15m as stories15M, 135m and 360m as SmolLM2, 0.5b and 1.5b as Qwen2.5. */
export const PRESETS: Readonly<Record<string, Sizes>> = {
  '15m': {
    architecture: 'llama',
    layers: 6,
    embedding: 288,
    heads: 6,
    kvHeads: 6,
    feedForward: 768,
    vocabulary: 32_000,
    context: 4096,
  },
  '135m': {
    architecture: 'llama',
    layers: 30,
    embedding: 576,
    heads: 9,
    kvHeads: 3,
    feedForward: 1536,
    vocabulary: 49_152,
    context: 8192,
  },
  '360m': {
    architecture: 'llama',
    layers: 32,
    embedding: 960,
    heads: 15,
    kvHeads: 5,
    feedForward: 2560,
    vocabulary: 49_152,
    context: 8192,
  },
  '0.5b': {
    architecture: 'qwen2',
    layers: 24,
    embedding: 896,
    heads: 14,
    kvHeads: 2,
    feedForward: 4864,
    vocabulary: 151_936,
    context: 32_768,
  },
  '1.5b': {
    architecture: 'qwen2',
    layers: 28,
    embedding: 1536,
    heads: 12,
    kvHeads: 2,
    feedForward: 8960,
    vocabulary: 151_936,
    context: 32_768,
  },
};

/** A shape or size that no model can have; the message says what is wrong. */
export class ShapeError extends Error {}

export const readFormat = (text: string): BlockFormat => {
  const format = text.toLowerCase();
  if (format in BLOCK_FORMATS) return format as BlockFormat;
  throw new ShapeError(`there is no weight format '${text}'; there are: ${Object.keys(BLOCK_FORMATS).join(', ')}`);
};

/** Embeddings that are the output layer too stay finer than 4 bits, as llama-quantize leaves them. */
const embeddingFormatOf = (format: BlockFormat): BlockFormat => (format === 'q4_0' ? 'q8_0' : format);

/** Reads a size such as `135m-q8_0` or `0.5b` (Q8_0); `changes` replace its numbers. */
export const readShape = (size: string, changes: Partial<ModelShape> = {}): ModelShape => {
  const [name = '', format = 'q8_0'] = size.toLowerCase().split('-');
  const sizes = PRESETS[name];
  if (!sizes) throw new ShapeError(`there is no size '${name}'; there are: ${Object.keys(PRESETS).join(', ')}`);
  const chosen = changes.format ?? readFormat(format);
  return checkedShape({ ...sizes, format: chosen, embeddingFormat: embeddingFormatOf(chosen), ...changes });
};

/** Throws ShapeError that names the number which does not fit. */
export const checkedShape = (shape: ModelShape): ModelShape => {
  const { embedding, heads, kvHeads, feedForward, vocabulary } = shape;
  for (const key of ['layers', 'embedding', 'heads', 'kvHeads', 'feedForward', 'vocabulary', 'context'] as const) {
    if (!Number.isInteger(shape[key]) || shape[key] < 1)
      throw new ShapeError(`'${key}' must be a whole number from 1 (got ${shape[key]})`);
  }
  if (embedding % heads !== 0 || (embedding / heads) % 2 !== 0)
    throw new ShapeError(`an embedding of ${embedding} cannot be split into ${heads} heads of an even size`);
  if (heads % kvHeads !== 0) throw new ShapeError(`${heads} heads cannot share ${kvHeads} heads of keys and values`);
  for (const [key, value] of [
    ['embedding', embedding],
    ['feedForward', feedForward],
  ] as const) {
    if (value % 32 !== 0)
      throw new ShapeError(`'${key}' must be a multiple of 32, the block of a format (got ${value})`);
  }
  const least = SPECIAL_TOKENS.length + 256;
  if (vocabulary < least)
    throw new ShapeError(
      `a vocabulary needs at least ${least} tokens, for every byte and what is special (got ${vocabulary})`,
    );
  return shape;
};
