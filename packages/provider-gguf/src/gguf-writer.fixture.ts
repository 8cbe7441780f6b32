/** Values of metadata keys; numbers are 32-bit integers unless marked as floats. */
export type GgufEntry =
  | string
  | boolean
  | number
  | { readonly float: number }
  | { readonly strings: readonly string[] }
  | { readonly integers: readonly number[] };

export interface WrittenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Rows of the last dimension after each other. */
  readonly values: Float32Array;
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
};

const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

const typed = (value: GgufEntry): Buffer[] => {
  if (typeof value === 'string') return [uint32(STRING), text(value)];
  if (typeof value === 'boolean') return [uint32(BOOL), Buffer.from([value ? 1 : 0])];
  if (typeof value === 'number') return [uint32(UINT32), uint32(value)];
  if ('float' in value) return [uint32(FLOAT32), float(value.float)];
  if ('strings' in value)
    return [uint32(ARRAY), uint32(STRING), uint64(value.strings.length), ...value.strings.map(text)];
  return [uint32(ARRAY), uint32(INT32), uint64(value.integers.length), ...value.integers.map(uint32)];
};

/** Metadata keys as they stand in a file. */
export const entryBytes = (entries: Readonly<Record<string, GgufEntry>>): Buffer =>
  Buffer.concat(Object.entries(entries).flatMap(([key, value]) => [text(key), ...typed(value)]));

const ALIGNMENT = 32;
const padding = (length: number): Buffer => Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);

/** A whole GGUF file with F32 tensors. */
export const ggufBytes = (metadata: Readonly<Record<string, GgufEntry>>, tensors: readonly WrittenTensor[]): Buffer => {
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, values } of tensors) {
    infos.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(0), uint64(offset));
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    data.push(bytes, padding(bytes.length));
    offset += bytes.length + padding(bytes.length).length;
  }
  const counts = [uint64(tensors.length), uint64(Object.keys(metadata).length)];
  const header = Buffer.concat([Buffer.from('GGUF'), uint32(3), ...counts, entryBytes(metadata), ...infos]);
  return Buffer.concat([header, padding(header.length), ...data]);
};

/** Numbers that are always the same ones: normal, by the sum of uniform ones. */
export const steadyNumbers = (count: number, spread: number, seed: number): Float32Array => {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  const uniform = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) / 2 ** 32) * 2 - 1;
  };
  return Float32Array.from({ length: count }, () => (uniform() + uniform() + uniform()) * spread);
};

const COUNTS = 8;
const FIRST_ENTRY = 24;

/** A GGUF file with further metadata keys, the rest of it as it is. */
export const withEntries = (file: Buffer, entries: Readonly<Record<string, GgufEntry>>): Buffer => {
  const added = entryBytes(entries);
  // One more key makes up the length, so that the tensors stay aligned.
  const filler = entryBytes({ 'golek.filler': '' });
  const missing = padding(added.length + filler.length).length;
  const grown = Buffer.concat([
    file.subarray(0, FIRST_ENTRY),
    added,
    entryBytes({ 'golek.filler': ' '.repeat(missing) }),
    file.subarray(FIRST_ENTRY),
  ]);
  const count = grown.readBigUInt64LE(FIRST_ENTRY - COUNTS);
  grown.writeBigUInt64LE(count + BigInt(Object.keys(entries).length + 1), FIRST_ENTRY - COUNTS);
  return grown;
};
