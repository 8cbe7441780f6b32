import { writeFile } from 'node:fs/promises';
import { ggufBytes, steadyNumbers, type GgufEntry, type WrittenTensor } from './gguf-writer.fixture.ts';

const WIDTH = 32;
const INNER = 64;
/** Tokens that have a position. */
export const ENCODER_CONTEXT = 64;
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const LETTERS = Array.from('abcdefghijklmnopqrstuvwxyz0123456789');
const WORDS = ['a', 'red', 'kite', 'cat', 'dog', 'flies', 'sleeps', 'what', 'is', 'in', 'the', 'sky'];
/** As in files made of WordPiece vocabularies: a word begins with U+2581, its further pieces do not. */
const TOKENS = [...SPECIAL, ...new Set([...WORDS, ...LETTERS].map((word) => `\u2581${word}`)), ...LETTERS];

export interface EncoderOptions {
  /** llama.cpp's type; absent: the file does not say. */
  readonly pooling?: number;
  /** A classifier with one output. */
  readonly classifier?: boolean;
  readonly metadata?: Readonly<Record<string, GgufEntry>>;
}

/** Writes a BERT of one layer with steady random weights: its vectors mean nothing, but depend on every token. */
export const writeEncoder = async (
  file: string,
  { pooling, classifier = false, metadata = {} }: EncoderOptions,
): Promise<string> => {
  let seed = 0;
  const tensor = (name: string, shape: readonly number[], spread: number): WrittenTensor => ({
    name,
    shape,
    values: steadyNumbers(
      shape.reduce((product, size) => product * size, 1),
      spread,
      ++seed,
    ),
  });
  const filled = (name: string, value: number): WrittenTensor => ({
    name,
    shape: [WIDTH],
    values: new Float32Array(WIDTH).fill(value),
  });
  const norm = (name: string): WrittenTensor[] => [filled(`${name}.weight`, 1), filled(`${name}.bias`, 0)];
  const tensors = [
    tensor('token_embd.weight', [WIDTH, TOKENS.length], 1),
    tensor('token_types.weight', [WIDTH, 2], 0.1),
    tensor('position_embd.weight', [WIDTH, ENCODER_CONTEXT], 0.5),
    ...norm('token_embd_norm'),
    ...['q', 'k', 'v', 'output'].map((part) => tensor(`blk.0.attn_${part}.weight`, [WIDTH, WIDTH], 0.3)),
    ...norm('blk.0.attn_output_norm'),
    tensor('blk.0.ffn_up.weight', [WIDTH, INNER], 0.3),
    tensor('blk.0.ffn_down.weight', [INNER, WIDTH], 0.3),
    ...norm('blk.0.layer_output_norm'),
    ...(classifier
      ? [
          tensor('cls.weight', [WIDTH, WIDTH], 0.3),
          filled('cls.bias', 0),
          tensor('cls.output.weight', [WIDTH, 1], 0.5),
          { name: 'cls.output.bias', shape: [1], values: Float32Array.of(0) },
        ]
      : []),
  ];
  const bytes = ggufBytes(
    {
      'general.architecture': 'bert',
      'bert.block_count': 1,
      'bert.context_length': ENCODER_CONTEXT,
      'bert.embedding_length': WIDTH,
      'bert.feed_forward_length': INNER,
      'bert.attention.head_count': 2,
      'bert.attention.layer_norm_epsilon': { float: 1e-12 },
      'bert.attention.causal': false,
      ...(pooling !== undefined && { 'bert.pooling_type': pooling }),
      'tokenizer.ggml.model': 'bert',
      'tokenizer.ggml.token_type_count': 2,
      'tokenizer.ggml.tokens': { strings: TOKENS },
      // 3 is a control token, 1 a normal one.
      'tokenizer.ggml.token_type': { integers: TOKENS.map((_, id) => (id < SPECIAL.length ? 3 : 1)) },
      'tokenizer.ggml.padding_token_id': 0,
      'tokenizer.ggml.unknown_token_id': 1,
      'tokenizer.ggml.bos_token_id': 2,
      'tokenizer.ggml.eos_token_id': 3,
      'tokenizer.ggml.seperator_token_id': 3,
      'tokenizer.ggml.mask_token_id': 4,
      'tokenizer.ggml.add_bos_token': true,
      'tokenizer.ggml.add_eos_token': true,
      'tokenizer.ggml.add_sep_token': false,
      ...metadata,
    },
    tensors,
  );
  await writeFile(file, bytes);
  return file;
};
