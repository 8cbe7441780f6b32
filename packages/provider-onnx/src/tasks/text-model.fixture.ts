import type { OnnxData, OnnxGraph, OnnxTensor, TensorPort } from '../graph.ts';
import type { JsonObject } from '../text/json-fields.ts';
import { wordPieces } from '../text/tokenizer.fixture.ts';
import type { ModelFiles } from './model-files.ts';

export const port = (
  name: string,
  dims: TensorPort['dims'] = ['batch', 'sequence'],
  type: TensorPort['type'] = 'INT64',
): TensorPort => ({ name, type, dims, anyRank: false });

export const BERT_INPUTS = [port('input_ids'), port('attention_mask'), port('token_type_ids')];

export const filesOf = (more: Partial<ModelFiles> = {}): ModelFiles & { tokenizer: JsonObject } =>
  ({
    config: {},
    tokenizer: wordPieces,
    tokenizerConfig: { sep_token: '[SEP]', pad_token: '[PAD]' },
    generation: {},
    preprocessor: undefined,
    pooling: undefined,
    sentences: undefined,
    steps: [],
    chatTemplate: undefined,
    ...more,
  }) as ModelFiles & { tokenizer: JsonObject };

/** Rows of whole numbers, as a graph gets them. */
export const rowsOf = ({ dims, data }: OnnxTensor): number[][] => {
  const [rows = 0, length = 0] = dims;
  const all = Array.from(data as Exclude<OnnxData, readonly string[]>, Number);
  return Array.from({ length: rows }, (_, row) => all.slice(row * length, (row + 1) * length));
};

export const floats = (dims: readonly number[], values: Iterable<number>): OnnxTensor => ({
  type: 'FP32',
  dims,
  data: Float32Array.from(values),
});

type Feeds = Readonly<Record<string, OnnxTensor>>;

/** A graph that is a function, and remembers what it was fed. */
export class FunctionGraph implements OnnxGraph {
  readonly fed: Feeds[] = [];
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
  readonly #compute: (feeds: Feeds) => Record<string, OnnxTensor>;

  constructor(
    inputs: readonly TensorPort[],
    outputs: readonly TensorPort[],
    compute: (feeds: Feeds) => Record<string, OnnxTensor>,
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#compute = compute;
  }

  run(feeds: Feeds): Promise<Readonly<Record<string, OnnxTensor>>> {
    this.fed.push(feeds);
    return Promise.resolve(this.#compute(feeds));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Each token's vector is [its id, its type, 1]; the mask is obeyed by nothing. */
export const tokenVectors = (feeds: Feeds): Record<string, OnnxTensor> => {
  const ids = rowsOf(feeds['input_ids'] as OnnxTensor);
  const types = feeds['token_type_ids'] ? rowsOf(feeds['token_type_ids']) : [];
  const length = ids[0]?.length ?? 0;
  const values = ids.flatMap((row, r) => row.flatMap((id, i) => [id, types[r]?.[i] ?? 0, 1]));
  return { last_hidden_state: floats([ids.length, length, 3], values) };
};
