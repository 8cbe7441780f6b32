import { open, rename, rm, type FileHandle } from 'node:fs/promises';

/** A metadata value; numbers are written as the named type. */
export type MetadataValue =
  | string
  | boolean
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly strings: readonly string[] }
  | { readonly int32s: readonly number[] };

export interface TensorPlan {
  readonly name: string;
  /** Elements of each dimension, the contiguous one first. */
  readonly shape: readonly number[];
  /** Number of the ggml type. */
  readonly type: number;
  readonly bytes: number;
  /** Gives the tensor's data piece by piece, `bytes` in all. */
  readonly data: () => Iterable<Uint8Array>;
}

const ALIGNMENT = 32;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const float32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
};

/** Numbers of the types of metadata values. */
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

const encoded = (value: MetadataValue): Buffer => {
  if (typeof value === 'string') return Buffer.concat([uint32(TYPE.string), text(value)]);
  if (typeof value === 'boolean') return Buffer.concat([uint32(TYPE.bool), Buffer.from([Number(value)])]);
  if ('uint32' in value) return Buffer.concat([uint32(TYPE.uint32), uint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([uint32(TYPE.float32), float32(value.float32)]);
  const [type, items] =
    'strings' in value
      ? [TYPE.string, value.strings.map(text)]
      : [TYPE.int32, [Buffer.from(Int32Array.from(value.int32s).buffer)]];
  const length = 'strings' in value ? value.strings.length : value.int32s.length;
  return Buffer.concat([uint32(TYPE.array), uint32(type), uint64(length), Buffer.concat(items)]);
};

const headerOf = (metadata: Readonly<Record<string, MetadataValue>>, tensors: readonly TensorPlan[]): Buffer => {
  const entries = Object.entries(metadata);
  const parts = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) parts.push(text(key), encoded(value));
  let offset = 0;
  for (const { name, shape, type, bytes } of tensors) {
    parts.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(type), uint64(offset));
    offset += aligned(bytes);
  }
  return Buffer.concat(parts);
};

const writeAligned = async (file: FileHandle, pieces: Iterable<Uint8Array>): Promise<number> => {
  let length = 0;
  for (const piece of pieces) {
    await file.writeFile(piece);
    length += piece.length;
  }
  await file.writeFile(Buffer.alloc(aligned(length) - length));
  return length;
};

/**
 * Writes a GGUF file, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Beside the header only one piece of a tensor is in memory. The file
 * appears under its name when it is complete.
 */
export const writeGguf = async (
  path: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly TensorPlan[],
): Promise<void> => {
  const part = `${path}.part`;
  try {
    await using file = await open(part, 'w');
    await writeAligned(file, [headerOf(metadata, tensors)]);
    for (const { name, bytes, data } of tensors) {
      const written = await writeAligned(file, data());
      if (written !== bytes) throw new Error(`tensor '${name}' has ${written} bytes instead of ${bytes}`);
    }
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rename(part, path);
};
