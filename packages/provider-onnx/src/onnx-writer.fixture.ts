import { Buffer } from 'node:buffer';
import { writeFile } from 'node:fs/promises';

// Writes small ONNX files by hand, also wrong ones.

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
};

export const numberField = (field: number, value: number | bigint): Buffer =>
  Buffer.concat([varint(field * 8), varint(value)]);

export const bytesField = (field: number, content: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
};

const message = (field: number, ...parts: readonly Buffer[]): Buffer => bytesField(field, Buffer.concat(parts));

/** By their numbers in onnx.proto3. */
export const ELEMENTS = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
export type Element = keyof typeof ELEMENTS;

export interface PortSpec {
  readonly name: string;
  readonly element?: Element;
  /** Absent: the file does not say how many. */
  readonly dims?: readonly (number | string)[];
  /** Instead of a tensor: a sequence of maps, as ZipMap makes it, or nothing at all. */
  readonly type?: 'zipmap' | 'none';
}

interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly domain?: string;
  /** Attributes that are lists of whole numbers. */
  readonly ints?: Readonly<Record<string, readonly number[]>>;
}

interface WeightSpec {
  readonly name: string;
  readonly element: Element;
  readonly dims: readonly number[];
  readonly raw?: Uint8Array;
  readonly external?: Readonly<Record<string, string>>;
}

export interface ModelSpec {
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly weights?: readonly WeightSpec[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly irVersion?: number;
}

/** AttributeProto.AttributeType.INTS */
const ATTRIBUTE_INTS = 7;

const tensorType = ({ element = 'float', dims }: PortSpec): Buffer => {
  const shape = dims?.map((dim) => message(1, typeof dim === 'number' ? numberField(1, dim) : bytesField(2, dim)));
  return message(1, numberField(1, ELEMENTS[element]), ...(shape ? [message(2, ...shape)] : []));
};

const typeOf = (port: PortSpec): Buffer[] => {
  if (port.type === 'none') return [];
  if (port.type !== 'zipmap') return [message(2, tensorType(port))];
  const map = message(5, numberField(1, ELEMENTS.int64), message(2, tensorType({ name: '', dims: [] })));
  return [message(2, message(4, message(1, map)))];
};

const port = (field: number, spec: PortSpec): Buffer => message(field, bytesField(1, spec.name), ...typeOf(spec));

export const modelBytes = ({
  inputs,
  outputs,
  nodes,
  weights = [],
  metadata = {},
  irVersion = 8,
}: ModelSpec): Buffer => {
  const graph = message(
    7,
    ...nodes.map(({ op, inputs: from, outputs: to, domain = '', ints = {} }) =>
      message(
        1,
        ...from.map((name) => bytesField(1, name)),
        ...to.map((name) => bytesField(2, name)),
        bytesField(4, op),
        ...Object.entries(ints).map(([name, values]) =>
          message(
            5,
            bytesField(1, name),
            ...values.map((value) => numberField(8, value)),
            numberField(20, ATTRIBUTE_INTS),
          ),
        ),
        bytesField(7, domain),
      ),
    ),
    bytesField(2, 'test'),
    ...weights.map(({ name, element, dims, raw, external }) =>
      message(
        5,
        ...dims.map((dim) => numberField(1, dim)),
        numberField(2, ELEMENTS[element]),
        bytesField(8, name),
        ...(raw ? [bytesField(9, raw)] : []),
        ...Object.entries(external ?? {}).map(([key, value]) => message(13, bytesField(1, key), bytesField(2, value))),
        ...(external ? [numberField(14, 1)] : []),
      ),
    ),
    ...inputs.map((spec) => port(11, spec)),
    ...outputs.map((spec) => port(12, spec)),
  );
  return Buffer.concat([
    numberField(1, irVersion),
    bytesField(2, 'golek-tests'),
    graph,
    message(8, bytesField(1, ''), numberField(2, 17)),
    message(8, bytesField(1, 'ai.onnx.ml'), numberField(2, 3)),
    ...Object.entries(metadata).map(([key, value]) => message(14, bytesField(1, key), bytesField(2, value))),
  ]);
};

export const writeModel = async (file: string, spec: ModelSpec): Promise<string> => {
  await writeFile(file, modelBytes(spec));
  return file;
};

/** Gives each of its inputs back, as `out_NAME`. */
export const identityModel = (...inputs: readonly PortSpec[]): ModelSpec => ({
  inputs,
  outputs: inputs.map((spec) => ({ ...spec, name: `out_${spec.name}` })),
  nodes: inputs.map(({ name }) => ({ op: 'Identity', inputs: [name], outputs: [`out_${name}`] })),
});
