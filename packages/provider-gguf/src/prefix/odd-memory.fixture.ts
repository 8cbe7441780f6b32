import { writeFile } from 'node:fs/promises';
import { ggufBytes, steadyNumbers, type GgufEntry, type WrittenTensor } from '../gguf-writer.fixture.ts';

/** Tokens that the local attention of the window model looks back. */
export const WINDOW = 64;
const WIDTH = 32;
const INNER = 64;
const HEADS = 2;
const CONTEXT = 1024;
const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
const TOKENS = ['<unk>', '<s>', '</s>', ...BYTES];
/** The first and last token that stand for nothing else. */
export const PLAIN_TOKENS = { first: 3, count: BYTES.length } as const;

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
const filled = (name: string, shape: readonly number[], value: (at: number) => number): WrittenTensor => ({
  name,
  shape,
  values: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) => value(at)),
});
const ones = (name: string, size = WIDTH): WrittenTensor => filled(name, [size], () => 1);

const common = (architecture: string, layers: number): Record<string, GgufEntry> => ({
  'general.architecture': architecture,
  [`${architecture}.block_count`]: layers,
  [`${architecture}.context_length`]: CONTEXT,
  [`${architecture}.embedding_length`]: WIDTH,
  [`${architecture}.attention.layer_norm_rms_epsilon`]: { float: 1e-6 },
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.tokens': { strings: TOKENS },
  // 2 is unknown, 3 a control token, 6 a byte.
  'tokenizer.ggml.token_type': { integers: TOKENS.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : 6)) },
  'tokenizer.ggml.bos_token_id': 1,
  'tokenizer.ggml.eos_token_id': 2,
  'tokenizer.ggml.add_bos_token': false,
});

/** A Gemma 3 with random weights: five layers with a short window, one that sees all. */
export const writeWindowModel = async (file: string): Promise<string> => {
  seed = 0;
  const layers = 6;
  const head = WIDTH / HEADS;
  const tensors = [tensor('token_embd.weight', [WIDTH, TOKENS.length], 0.6), ones('output_norm.weight')];
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string): string => `blk.${layer}.${name}.weight`;
    tensors.push(
      ...['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm'].map((name) => ones(of(name))),
      ...['attn_q_norm', 'attn_k_norm'].map((name) => ones(of(name), head)),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => tensor(of(name), [WIDTH, WIDTH], 0.4)),
      tensor(of('ffn_gate'), [WIDTH, INNER], 0.4),
      tensor(of('ffn_up'), [WIDTH, INNER], 0.4),
      tensor(of('ffn_down'), [INNER, WIDTH], 0.4),
    );
  }
  const metadata = {
    ...common('gemma3', layers),
    'gemma3.feed_forward_length': INNER,
    'gemma3.attention.head_count': HEADS,
    'gemma3.attention.head_count_kv': HEADS,
    'gemma3.attention.key_length': head,
    'gemma3.attention.value_length': head,
    'gemma3.attention.sliding_window': WINDOW,
  };
  await writeFile(file, ggufBytes(metadata, tensors));
  return file;
};

/** A Mamba with random weights: all that it keeps of a sequence is one state. */
export const writeRecurrentModel = async (file: string): Promise<string> => {
  seed = 0;
  const [layers, inner, states, rank, kernel] = [2, 2 * WIDTH, 16, 4, 4];
  const tensors = [tensor('token_embd.weight', [WIDTH, TOKENS.length], 0.6), ones('output_norm.weight')];
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string): string => `blk.${layer}.${name}`;
    tensors.push(
      ones(of('attn_norm.weight')),
      tensor(of('ssm_in.weight'), [WIDTH, 2 * inner], 0.4),
      tensor(of('ssm_conv1d.weight'), [kernel, inner], 0.4),
      tensor(of('ssm_conv1d.bias'), [inner], 0.1),
      tensor(of('ssm_x.weight'), [inner, rank + 2 * states], 0.3),
      tensor(of('ssm_dt.weight'), [rank, inner], 0.3),
      tensor(of('ssm_dt.bias'), [inner], 0.1),
      filled(of('ssm_a'), [states, inner], (at) => -1 - (at % states) / 8),
      filled(of('ssm_d'), [inner], () => 1),
      tensor(of('ssm_out.weight'), [inner, WIDTH], 0.3),
    );
  }
  const metadata = {
    ...common('mamba', layers),
    'mamba.feed_forward_length': 0,
    'mamba.attention.head_count': 0,
    'mamba.ssm.conv_kernel': kernel,
    'mamba.ssm.inner_size': inner,
    'mamba.ssm.state_size': states,
    'mamba.ssm.time_step_rank': rank,
  };
  await writeFile(file, ggufBytes(metadata, tensors));
  return file;
};
