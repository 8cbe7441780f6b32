import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** By their numbers in onnx.proto3. */
export const ELEMENTS = { float: 1, int8: 3, int64: 7 } as const;

/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPES = { float: 1, int: 2, ints: 7 } as const;

const IR_VERSION = 8;
/** The first one with LayerNormalization. */
const OPERATOR_SET = 17;

/** A whole number, a list of them, or a number that is not whole. */
type Attribute = number | readonly number[] | { readonly float: number };

interface Port {
  readonly name: string;
  readonly element: keyof typeof ELEMENTS;
  /** Sizes, or names of sizes that differ from run to run. */
  readonly dims: readonly (number | string)[];
}

/** Puts an ONNX graph together: the same calls make the same bytes. Methods return the name under which later operators take what was added. */
export class OnnxGraph {
  readonly #nodes = new BinaryWriter();
  readonly #weights = new BinaryWriter();
  #count = 0;

  floats(name: string, dims: readonly number[], values: Iterable<number>): string {
    return this.#weight(name, 'float', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  bytes(name: string, dims: readonly number[], values: Int8Array<ArrayBuffer>): string {
    return this.#weight(name, 'int8', dims, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  integers(name: string, dims: readonly number[], values: readonly number[]): string {
    return this.#weight(name, 'int64', dims, new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer));
  }

  /** Adds an operator with one output. */
  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const output = `${op}_${this.#count}`;
    this.nodeOf(op, inputs, [output], attributes);
    return output;
  }

  /** Adds an operator whose outputs have names of their own. */
  nodeOf(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): void {
    const to = this.#nodes;
    message(to, 1, () => {
      for (const input of inputs) text(to, 1, input);
      for (const output of outputs) text(to, 2, output);
      text(to, 3, `${op}_${this.#count}`);
      text(to, 4, op);
      for (const [name, value] of Object.entries(attributes)) message(to, 5, () => writeAttribute(to, name, value));
    });
    this.#count++;
  }

  /** The whole file; the graph is empty afterwards. */
  file(name: string, inputs: readonly Port[], outputs: readonly Port[]): Uint8Array<ArrayBuffer> {
    const to = new BinaryWriter();
    integer(to, 1, IR_VERSION);
    text(to, 2, 'golek');
    message(to, 7, () => {
      to.raw(this.#nodes.finish());
      text(to, 2, name);
      to.raw(this.#weights.finish());
      for (const port of inputs) message(to, 11, () => writePort(to, port));
      for (const port of outputs) message(to, 12, () => writePort(to, port));
    });
    message(to, 8, () => {
      text(to, 1, '');
      integer(to, 2, OPERATOR_SET);
    });
    return to.finish();
  }

  #weight(name: string, element: keyof typeof ELEMENTS, dims: readonly number[], raw: Uint8Array): string {
    const to = this.#weights;
    message(to, 5, () => {
      for (const dim of dims) integer(to, 1, dim);
      integer(to, 2, ELEMENTS[element]);
      text(to, 8, name);
      to.tag(9, WireType.LengthDelimited).bytes(raw);
    });
    return name;
  }
}

const integer = (to: BinaryWriter, field: number, value: number): void => {
  to.tag(field, WireType.Varint).int64(value);
};

const text = (to: BinaryWriter, field: number, value: string): void => {
  to.tag(field, WireType.LengthDelimited).string(value);
};

const message = (to: BinaryWriter, field: number, write: () => void): void => {
  to.tag(field, WireType.LengthDelimited).fork();
  write();
  to.join();
};

const writeAttribute = (to: BinaryWriter, name: string, value: Attribute): void => {
  text(to, 1, name);
  if (typeof value === 'number') integer(to, 3, value);
  else if ('float' in value) to.tag(2, WireType.Bit32).float(value.float);
  else for (const each of value) integer(to, 8, each);
  const type = typeof value === 'number' ? 'int' : 'float' in value ? 'float' : 'ints';
  integer(to, 20, ATTRIBUTE_TYPES[type]);
};

const writePort = (to: BinaryWriter, { name, element, dims }: Port): void => {
  text(to, 1, name);
  const shape = (): void => {
    for (const dim of dims) message(to, 1, () => (typeof dim === 'number' ? integer(to, 1, dim) : text(to, 2, dim)));
  };
  const tensor = (): void => {
    integer(to, 1, ELEMENTS[element]);
    message(to, 2, shape);
  };
  message(to, 2, () => message(to, 1, tensor));
};
