import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What the model below answers to everything. */
export const WORD_CHAIN = 'Hello there, small and friendly world.';

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(value >> 7)]);
const number = (field: number, value: number): Buffer => Buffer.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, content: string | Uint8Array): Buffer => {
  const encoded = Buffer.from(content as Uint8Array);
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(encoded.length)]), encoded]);
};
const message = (field: number, ...parts: readonly Buffer[]): Buffer => bytes(field, Buffer.concat(parts));

/** By its number in onnx.proto3. */
const ELEMENT = { FP32: 1, INT64: 7 } as const;

const port = (field: number, name: string, type: keyof typeof ELEMENT, dims: readonly (string | number)[]): Buffer => {
  const shape = dims.map((dim) => message(1, typeof dim === 'number' ? number(1, dim) : bytes(2, dim)));
  return message(field, bytes(1, name), message(2, message(1, number(1, ELEMENT[type]), message(2, ...shape))));
};

const node = (op: string, inputs: readonly string[], output: string): Buffer =>
  message(1, ...inputs.map((name) => bytes(1, name)), bytes(2, output), bytes(4, op));

const CACHE = ['batch', 1, 'past', 1] as const;

/** A decoder whose logits are a table's row for the last token: what follows each token is certain. */
const graphOf = (next: readonly number[]): Buffer => {
  const size = next.length;
  const table = new Float32Array(size * size);
  for (const [token, following] of next.entries()) table[token * size + following] = 9;
  const caches = ['key', 'value'];
  const graph = message(
    7,
    node('Gather', ['table', 'input_ids'], 'logits'),
    ...caches.map((name) => node('Identity', [`past_key_values.0.${name}`], `present.0.${name}`)),
    bytes(2, 'word-chain'),
    message(
      5,
      number(1, size),
      number(1, size),
      number(2, ELEMENT.FP32),
      bytes(8, 'table'),
      bytes(9, new Uint8Array(table.buffer)),
    ),
    port(11, 'input_ids', 'INT64', ['batch', 'sequence']),
    port(11, 'attention_mask', 'INT64', ['batch', 'whole']),
    ...caches.map((name) => port(11, `past_key_values.0.${name}`, 'FP32', CACHE)),
    port(12, 'logits', 'FP32', ['batch', 'sequence', size]),
    ...caches.map((name) => port(12, `present.0.${name}`, 'FP32', CACHE)),
  );
  return Buffer.concat([number(1, 8), graph, message(8, bytes(1, ''), number(2, 17))]);
};

/**
 * Writes the files of a model that ONNX Runtime runs and Golek finds to generate text: its tokens are the printable characters of ASCII, for prompts, and the words of
 * its only answer. The trained decoders beside a checkout are no part of the repository.
 */
export const writeWordChain = async (folder: string): Promise<string> => {
  // A byte-level vocabulary spells a space as Ġ and a line's end as Ċ.
  const characters = Array.from({ length: 95 }, (_, code) => String.fromCharCode(32 + code).replace(' ', 'Ġ'));
  const words = (WORD_CHAIN.match(/ ?\S+/g) ?? []).map((word) => word.replace(' ', 'Ġ'));
  const spellings = ['</s>', 'Ċ', ...characters, ...words];
  const [first, end] = [spellings.length - words.length, 0];
  const next = spellings.map((_, token) => (token < first ? first : token + 1 === spellings.length ? end : token + 1));
  const files = {
    'config.json': { model_type: 'word-chain', max_position_embeddings: 512, eos_token_id: end },
    'tokenizer_config.json': {
      eos_token: '</s>',
      chat_template: "{% for message in messages %}{{ message['content'] }}\n{% endfor %}",
    },
    'tokenizer.json': {
      added_tokens: [{ id: end, content: '</s>', special: true, normalized: false }],
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(spellings.map((text, id) => [text, id])),
        merges: [],
        unk_token: null,
      },
    },
  };
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(folder, name), JSON.stringify(content));
  const file = path.join(folder, 'model.onnx');
  await writeFile(file, graphOf(next));
  return file;
};
