import type { OnnxTensor, TensorPort } from '../graph.ts';
import type { Encoding, Padding } from '../text/text-tokenizer.ts';

/** The inputs of a graph that takes tokens. */
export interface TextPorts {
  readonly ids: TensorPort;
  readonly mask: TensorPort | undefined;
  readonly types: TensorPort | undefined;
  readonly positions: TensorPort | undefined;
  /** What it takes beside tokens. */
  readonly others: readonly TensorPort[];
  /** Inputs of one run and tokens of each, where the graph fixes them. */
  readonly rows: number | undefined;
  readonly length: number | undefined;
}

const NAMES = {
  ids: ['input_ids', 'input_tokens', 'ids'],
  mask: ['attention_mask', 'input_mask'],
  types: ['token_type_ids', 'segment_ids'],
  positions: ['position_ids'],
} as const;

/** Undefined where the graph does not take tokens. */
export const textPorts = (inputs: readonly TensorPort[]): TextPorts | undefined => {
  const find = (names: readonly string[]): TensorPort | undefined =>
    inputs.find(({ name, type, dims, anyRank }) => {
      const plain = name.split(':')[0] ?? name;
      return names.includes(plain) && (type === 'INT64' || type === 'INT32') && (anyRank || dims.length === 2);
    });
  const ids = find(NAMES.ids);
  if (!ids) return undefined;
  const [mask, types, positions] = [find(NAMES.mask), find(NAMES.types), find(NAMES.positions)];
  const [rows, length] = ids.dims.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : undefined));
  const known = [ids, mask, types, positions];
  return { ids, mask, types, positions, others: inputs.filter((port) => !known.includes(port)), rows, length };
};

/** Inputs side by side, made equally long. */
export interface PaddedBatch {
  readonly feeds: Readonly<Record<string, OnnxTensor>>;
  /** Tokens of each row, padding included. */
  readonly length: number;
  /** Where the tokens of each row begin. */
  readonly starts: readonly number[];
}

/** Tokens that a row of so many has with what pads it. A length that the tokenizer was saved with is no matter to a graph that has a mask. */
export const paddedLength = (longest: number, { length, mask }: TextPorts, padding: Padding): number =>
  length ?? Math.max(mask ? 0 : padding.length, Math.ceil(longest / padding.multiple) * padding.multiple);

/** The tensors of several inputs. A graph that fixes the number of rows gets empty ones for the rest. */
export const padded = (rows: readonly Encoding[], ports: TextPorts, padding: Padding): PaddedBatch => {
  const length = paddedLength(Math.max(1, ...rows.map(({ ids }) => ids.length)), ports, padding);
  const count = Math.max(rows.length, ports.rows ?? 0);
  const [ids, mask] = [new Int32Array(count * length).fill(padding.id), new Int32Array(count * length)];
  const [types, positions] = [new Int32Array(count * length).fill(padding.typeId), new Int32Array(count * length)];
  const starts: number[] = [];
  for (const [row, encoding] of rows.entries()) {
    const start = padding.side === 'left' ? length - encoding.ids.length : 0;
    starts.push(start);
    const from = row * length + start;
    ids.set(encoding.ids, from);
    types.set(encoding.typeIds, from);
    mask.fill(1, from, from + encoding.ids.length);
    for (let i = 0; i < encoding.ids.length; i++) positions[from + i] = i;
  }
  // A row without any token would divide by zero in many graphs.
  for (let row = rows.length; row < count; row++) mask[row * length] = 1;
  const feeds: Record<string, OnnxTensor> = {};
  const dims = [count, length];
  const feed = (port: TensorPort | undefined, values: Int32Array): void => {
    if (port) feeds[port.name] = integers(port, values, dims);
  };
  feed(ports.ids, ids);
  feed(ports.mask, mask);
  feed(ports.types, types);
  feed(ports.positions, positions);
  return { feeds, length, starts };
};

/** Whole numbers of at least 0 in the type that a port takes. */
export const integers = ({ type }: TensorPort, values: Int32Array, dims: readonly number[]): OnnxTensor => ({
  type,
  dims,
  data: type === 'INT64' ? toInt64(values) : values,
});

/** By halves: a BigInt for each token would take longer than anything else here. All platforms of ONNX Runtime are little-endian. */
const toInt64 = (values: Int32Array): BigInt64Array => {
  const wide = new BigInt64Array(values.length);
  const halves = new Int32Array(wide.buffer);
  for (let i = 0; i < values.length; i++) halves[2 * i] = values[i] as number;
  return wide;
};
