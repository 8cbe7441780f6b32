import { BLOCK_FORMATS, type BlockFormat } from './block-formats.ts';
import { writeGguf, type MetadataValue, type TensorPlan } from './gguf-writer.ts';
import { keyedBytes } from './keyed-bytes.ts';
import type { ModelShape } from './model-shape.ts';
import { SPECIAL_TOKENS, syntheticVocabulary } from './synthetic-vocabulary.ts';

const F32 = 0;

/** Most bytes of a tensor that are in memory at a time. */
const PIECE = 1 << 20;

/** ChatML, as SmolLM and Qwen use it. */
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** What differs between the architectures but for their sizes. */
const FAMILY = {
  llama: { pre: 'smollm', epsilon: 1e-5, ropeBase: 100_000, hasBias: false },
  qwen2: { pre: 'qwen2', epsilon: 1e-6, ropeBase: 1_000_000, hasBias: true },
} as const;

const metadataOf = (shape: ModelShape, name: string): Record<string, MetadataValue> => {
  const { architecture, layers, embedding, heads, kvHeads, feedForward, vocabulary, context, format } = shape;
  const { pre, epsilon, ropeBase } = FAMILY[architecture];
  const { tokens, merges } = syntheticVocabulary(vocabulary);
  const token = (text: (typeof SPECIAL_TOKENS)[number]): MetadataValue => ({ uint32: SPECIAL_TOKENS.indexOf(text) });
  return {
    'general.architecture': architecture,
    'general.name': name,
    'general.description': 'random weights, to measure speed',
    'general.file_type': { uint32: BLOCK_FORMATS[format].fileType },
    'general.quantization_version': { uint32: 2 },
    [`${architecture}.context_length`]: { uint32: context },
    [`${architecture}.embedding_length`]: { uint32: embedding },
    [`${architecture}.block_count`]: { uint32: layers },
    [`${architecture}.feed_forward_length`]: { uint32: feedForward },
    [`${architecture}.attention.head_count`]: { uint32: heads },
    [`${architecture}.attention.head_count_kv`]: { uint32: kvHeads },
    [`${architecture}.attention.layer_norm_rms_epsilon`]: { float32: epsilon },
    [`${architecture}.rope.dimension_count`]: { uint32: embedding / heads },
    [`${architecture}.rope.freq_base`]: { float32: ropeBase },
    [`${architecture}.vocab_size`]: { uint32: vocabulary },
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': { strings: tokens },
    // 1 is an ordinary token, 3 a control token.
    'tokenizer.ggml.token_type': { int32s: tokens.map((_, id) => (id < SPECIAL_TOKENS.length ? 3 : 1)) },
    'tokenizer.ggml.merges': { strings: merges },
    'tokenizer.ggml.bos_token_id': token('<|im_start|>'),
    'tokenizer.ggml.eos_token_id': token('<|im_end|>'),
    'tokenizer.ggml.padding_token_id': token('<|endoftext|>'),
    'tokenizer.ggml.fim_pre_token_id': token('<|fim_prefix|>'),
    'tokenizer.ggml.fim_suf_token_id': token('<|fim_suffix|>'),
    'tokenizer.ggml.fim_mid_token_id': token('<|fim_middle|>'),
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.chat_template': CHAT_TEMPLATE,
  };
};

type Row = readonly [input: number, output: number];

/** Makes the tensors of a model in the order in which llama.cpp's converter writes them. */
class TensorMaker {
  readonly tensors: TensorPlan[] = [];
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Weights in blocks. The first `faint` rows are 64 times smaller. */
  matrix(name: string, [input, output]: Row, format: BlockFormat, deviation: number, faint = 0): void {
    const { type, block, bytes: blockBytes, shape } = BLOCK_FORMATS[format];
    const rowBytes = (input / block) * blockBytes;
    const rowsAtOnce = Math.max(1, Math.floor(PIECE / rowBytes));
    const seed = this.#seed;
    this.tensors.push({
      name,
      shape: [input, output],
      type,
      bytes: rowBytes * output,
      *data() {
        const random = keyedBytes(seed, name);
        for (let row = 0; row < output;) {
          const isFaint = row < faint;
          const end = Math.min(row + rowsAtOnce, isFaint ? Math.min(faint, output) : output);
          const bytes = random(rowBytes * (end - row));
          shape(bytes, isFaint ? deviation / 64 : deviation);
          yield bytes;
          row = end;
        }
      },
    });
  }

  /** Numbers within `spread` of `middle`, in F32 as all vectors are. */
  vector(name: string, length: number, middle: number, spread: number): void {
    const seed = this.#seed;
    this.tensors.push({
      name,
      shape: [length],
      type: F32,
      bytes: 4 * length,
      *data() {
        const random = keyedBytes(seed, name)(length);
        yield Buffer.from(Float32Array.from(random, (byte) => middle + (byte / 127.5 - 1) * spread).buffer);
      },
    });
  }
}

/**
 * Deviations keep what every layer adds at the size of one, so that the sum grows with the root of the depth. Logits get a deviation of 2; the input's own part in the
 * last layer is small beside what the layers add, so that answers do not repeat the last token although the embeddings are the output layer too.
 */
const tensorsOf = (shape: ModelShape, seed: number): TensorPlan[] => {
  const { architecture, layers, embedding, heads, kvHeads, feedForward, vocabulary, format, embeddingFormat } = shape;
  const kv = (embedding / heads) * kvHeads;
  const maker = new TensorMaker(seed);
  // The rows of special tokens are faint: their logits are near 0, far below the best, so that a greedy answer never ends by itself.
  maker.matrix(
    'token_embd.weight',
    [embedding, vocabulary],
    embeddingFormat,
    2 / Math.sqrt(embedding),
    SPECIAL_TOKENS.length,
  );
  maker.vector('output_norm.weight', embedding, 1, 0.05);
  for (let layer = 0; layer < layers; layer++) {
    const matrix = (name: string, row: Row, gain = 1): void =>
      maker.matrix(`blk.${layer}.${name}.weight`, row, format, gain / Math.sqrt(row[0]));
    const bias = (name: string, length: number): void => {
      if (FAMILY[architecture].hasBias) maker.vector(`blk.${layer}.${name}.bias`, length, 0, 0.1);
    };
    maker.vector(`blk.${layer}.attn_norm.weight`, embedding, 1, 0.05);
    // More than 1 for queries and keys: attention that looks at few tokens, as that of trained models does.
    matrix('attn_q', [embedding, embedding], 1.5);
    bias('attn_q', embedding);
    matrix('attn_k', [embedding, kv], 1.5);
    bias('attn_k', kv);
    matrix('attn_v', [embedding, kv]);
    bias('attn_v', kv);
    matrix('attn_output', [embedding, embedding]);
    maker.vector(`blk.${layer}.ffn_norm.weight`, embedding, 1, 0.05);
    matrix('ffn_gate', [embedding, feedForward]);
    matrix('ffn_up', [embedding, feedForward]);
    matrix('ffn_down', [feedForward, embedding]);
  }
  return maker.tensors;
};

export interface MakeModelOptions {
  readonly shape: ModelShape;
  /** Path of the file; it is replaced. */
  readonly out: string;
  /** Same seed and shape, same bytes. Default 1. */
  readonly seed?: number;
  /** `general.name`. */
  readonly name?: string;
}

/** Writes a model with random weights: as fast as a trained one of its shape, and what it says means nothing. @returns the number of its weights. */
export const makeModel = async ({ shape, out, seed = 1, name = 'random' }: MakeModelOptions): Promise<number> => {
  const tensors = tensorsOf(shape, seed);
  await writeGguf(out, metadataOf(shape, name), tensors);
  return tensors.reduce((sum, tensor) => sum + tensor.shape.reduce((product, size) => product * size, 1), 0);
};
