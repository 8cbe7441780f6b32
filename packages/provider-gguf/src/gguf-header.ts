/** What a GGUF file says before its weights. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Numbers of the values' types, as the format has them. */
  readonly types: ReadonlyMap<string, number>;
  readonly tensors: readonly GgufTensor[];
  /** Offset of the first tensor's data from the start of the file, bytes. */
  readonly dataOffset: number;
}

/** Arrays are only counted: vocabularies are large and nothing here reads them. */
export type GgufValue = number | boolean | string | { readonly length: number };

export interface GgufTensor {
  readonly name: string;
  readonly elements: number;
  /** Sizes of its dimensions, the innermost first. */
  readonly shape: readonly number[];
  /** Number of the ggml type, see TENSOR_TYPES. */
  readonly type: number;
  /** Bytes from `dataOffset`. */
  readonly offset: number;
}

/** The bytes are no readable GGUF header; the message says what is wrong, without the file's name. */
export class GgufFormatError extends Error {}

/** The bytes end inside the header: read more of the file and parse again. */
export class GgufHeaderIncomplete extends Error {}

const MAX_METADATA_KEYS = 65_536;
const MAX_KEY_BYTES = 65_535;
const MAX_TENSOR_DIMENSIONS = 4;

const STRING = 8;
const ARRAY = 9;
/** Bytes of each scalar type of a metadata value; 8 and 9 are string and array. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

/**
 * Parses a header from the first bytes of a file of `fileSize` bytes. Every length in it is checked against the file's size before it is
 * used, so the work is bounded by the bytes given. Throws GgufFormatError, or GgufHeaderIncomplete when `bytes` ends too early.
 */
export const parseGgufHeader = (bytes: Uint8Array, fileSize: number): GgufHeader => {
  const reader = new HeaderReader(bytes, fileSize);
  const magic = reader.text(4);
  if (magic !== 'GGUF') throw new GgufFormatError(`it starts with ${JSON.stringify(magic)} instead of "GGUF"`);
  const version = reader.uint32();
  if (version !== 2 && version !== 3) {
    // A big-endian file shows its version number with the bytes turned round.
    const hint = version === 0x02000000 || version === 0x03000000 ? ' (a big-endian file)' : '';
    throw new GgufFormatError(`its GGUF version is ${version}${hint}; versions 2 and 3 can be read`);
  }
  const tensorCount = reader.count('tensors', 24);
  const keyCount = reader.count('metadata keys', 13);
  if (keyCount > MAX_METADATA_KEYS)
    throw new GgufFormatError(`it claims ${keyCount} metadata keys; at most ${MAX_METADATA_KEYS} are read`);

  const metadata = new Map<string, GgufValue>();
  const types = new Map<string, number>();
  for (let i = 0; i < keyCount; i++) {
    const key = reader.string(`the name of metadata key ${i + 1}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw new GgufFormatError(`it has the metadata key ${shown(key)} twice`);
    const type = reader.uint32();
    types.set(key, type);
    metadata.set(key, readValue(reader, key, type));
  }
  const tensors: GgufTensor[] = [];
  for (let i = 0; i < tensorCount; i++) tensors.push(readTensor(reader, i));

  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !Number.isInteger(alignment) || alignment < 1 || alignment > 65_536) {
    throw new GgufFormatError(`its metadata key 'general.alignment' is ${JSON.stringify(alignment)}`);
  }
  return { version, metadata, types, tensors, dataOffset: Math.ceil(reader.position / alignment) * alignment };
};

/** A name from the file as a message can show it: short, on one line. */
const shown = (name: string): string => {
  const quoted = JSON.stringify(name.length > 60 ? `${name.slice(0, 59)}…` : name);
  return `'${quoted.slice(1, -1)}'`;
};

const readValue = (reader: HeaderReader, key: string, type: number): GgufValue => {
  if (type === STRING) return reader.string(`metadata key ${shown(key)}`);
  if (type !== ARRAY) return reader.scalar(type, key);
  const elementType = reader.uint32();
  if (elementType === STRING) {
    const length = reader.count(`elements of metadata key ${shown(key)}`, 8);
    for (let i = 0; i < length; i++) reader.skip(reader.length(`element ${i} of metadata key ${shown(key)}`));
    return { length };
  }
  const elementBytes = SCALAR_BYTES[elementType];
  if (elementBytes === undefined)
    throw new GgufFormatError(`metadata key ${shown(key)} is an array of the unknown type ${elementType}`);
  const length = reader.count(`elements of metadata key ${shown(key)}`, elementBytes);
  reader.skip(length * elementBytes);
  return { length };
};

const readTensor = (reader: HeaderReader, index: number): GgufTensor => {
  const name = reader.string(`the name of tensor ${index + 1}`, MAX_KEY_BYTES);
  const dimensions = reader.uint32();
  if (dimensions > MAX_TENSOR_DIMENSIONS)
    throw new GgufFormatError(`tensor ${shown(name)} claims ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => reader.uint64());
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements)) throw new GgufFormatError(`tensor ${shown(name)} claims ${elements} elements`);
  return { name, elements, shape, type: reader.uint32(), offset: reader.uint64() };
};

const utf8 = new TextDecoder();

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #fileSize: number;
  position = 0;

  constructor(bytes: Uint8Array, fileSize: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#fileSize = fileSize;
  }

  /** Start of the next `length` bytes; the position moves behind them. */
  #take(length: number): number {
    const start = this.position;
    const end = start + length;
    if (end > this.#fileSize)
      throw new GgufFormatError(`it ends at byte ${this.#fileSize}, inside its header: the file is truncated`);
    if (end > this.#bytes.length) throw new GgufHeaderIncomplete();
    this.position = end;
    return start;
  }

  skip(length: number): void {
    this.#take(length);
  }

  text(length: number): string {
    const start = this.#take(length);
    return utf8.decode(this.#bytes.subarray(start, start + length));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** Rounded to a double above 2^53; every use as a size is checked against the file first. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** A number of things of at least `minBytes` each. */
  count(what: string, minBytes: number): number {
    const count = this.uint64();
    if (count * minBytes > this.#fileSize - this.position) {
      throw new GgufFormatError(
        `it claims ${count} ${what}, more than its ${this.#fileSize} bytes can hold: it is truncated or damaged`,
      );
    }
    return count;
  }

  /** The length of a string that follows. */
  length(what: string, limit = Number.POSITIVE_INFINITY): number {
    const length = this.uint64();
    if (length > limit || length > this.#fileSize - this.position) {
      throw new GgufFormatError(
        `${what} claims a length of ${length} bytes in a file of ${this.#fileSize}: it is truncated or damaged`,
      );
    }
    return length;
  }

  string(what: string, limit?: number): string {
    return this.text(this.length(what, limit));
  }

  scalar(type: number, key: string): number | boolean {
    const bytes = SCALAR_BYTES[type];
    if (bytes === undefined) throw new GgufFormatError(`metadata key ${shown(key)} has the unknown type ${type}`);
    const at = this.#take(bytes);
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 10:
        return Number(view.getBigUint64(at, true));
      case 11:
        return Number(view.getBigInt64(at, true));
      default:
        return view.getFloat64(at, true);
    }
  }
}
