import { writeFile } from 'node:fs/promises';
import { ggufBytes, steadyNumbers, type WrittenTensor } from './gguf-writer.fixture.ts';

const WIDTH = 64;
const INNER = 64;
const LAYERS = 4;
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const TOKENS = ['<unk>', '<s>', '</s>', ...BYTES, ...Array.from('abcdefghij', (letter) => `\u2581${letter}`)];
/** Tokens that every second layer sees. */
export const WINDOW = 32;

/** Writes a model with sliding-window attention in every second layer (Gemma 2's shape) and steady random weights. */
export const writeSlidingWindow = async (file: string): Promise<string> => {
  let seed = 0;
  const tensor = (name: string, shape: readonly number[]): WrittenTensor => ({
    name,
    shape,
    values: steadyNumbers(
      shape.reduce((product, size) => product * size, 1),
      0.3,
      ++seed,
    ),
  });
  const norm = (name: string): WrittenTensor => ({ name, shape: [WIDTH], values: new Float32Array(WIDTH).fill(1) });
  const layer = (at: number): WrittenTensor[] => [
    ...['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm'].map((name) =>
      norm(`blk.${at}.${name}.weight`),
    ),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => tensor(`blk.${at}.${name}.weight`, [WIDTH, WIDTH])),
    ...['ffn_gate', 'ffn_up', 'ffn_down'].map((name) => tensor(`blk.${at}.${name}.weight`, [WIDTH, INNER])),
  ];
  const tensors = [
    tensor('token_embd.weight', [WIDTH, TOKENS.length]),
    norm('output_norm.weight'),
    ...Array.from({ length: LAYERS }, (_, at) => layer(at)).flat(),
  ];
  const metadata = {
    'general.architecture': 'gemma2',
    'gemma2.block_count': LAYERS,
    'gemma2.context_length': 8192,
    'gemma2.embedding_length': WIDTH,
    'gemma2.feed_forward_length': INNER,
    'gemma2.attention.head_count': 1,
    'gemma2.attention.head_count_kv': 1,
    'gemma2.attention.key_length': WIDTH,
    'gemma2.attention.value_length': WIDTH,
    'gemma2.attention.layer_norm_rms_epsilon': { float: 1e-6 },
    'gemma2.attention.sliding_window': WINDOW,
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': { strings: TOKENS },
    // Unknown, control, byte and normal ones.
    'tokenizer.ggml.token_type': { integers: TOKENS.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)) },
    'tokenizer.ggml.unknown_token_id': 0,
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  };
  await writeFile(file, ggufBytes(metadata, tensors));
  return file;
};
