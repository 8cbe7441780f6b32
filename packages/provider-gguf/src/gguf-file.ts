import { open, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';
import {
  GgufFormatError,
  GgufHeaderIncomplete,
  parseGgufHeader,
  type GgufHeader,
  type GgufTensor,
} from './gguf-header.ts';
import { TENSOR_TYPES } from './gguf-types.ts';

/** A readable GGUF model on disk. A model split over several files is one of these. */
export interface GgufFile {
  /** Absolute path; of the first part when split. */
  readonly path: string;
  /** Of all parts. */
  readonly paths: readonly string[];
  /** Header of the first part, which holds the metadata. */
  readonly header: GgufHeader;
  /** Those of all parts. */
  readonly tensors: readonly GgufTensor[];
  /** Elements of all tensors. */
  readonly parameterCount: number;
  /** Bytes on disk, all parts. */
  readonly sizeBytes: number;
  /** Time of the last change, Unix seconds. */
  readonly modified: number;
}

const FIRST_READ = 1 << 20;
/** The largest vocabularies known take some 20 MB. */
const MAX_HEADER = 256 << 20;
const MAX_PARTS = 1024;

/**
 * Reads and checks the header of a GGUF file: its structure, and that every tensor lies inside the file. The weights are not read.
 * Throws `model_not_found`, `model_invalid` or, when the file cannot be opened, `model_load_failed`.
 */
export const readGgufFile = async (location: string, signal: AbortSignal): Promise<GgufFile> => {
  const first = path.resolve(location);
  const firstPart = await readPart(first, signal);
  const parts = [firstPart];
  const splits = firstPart.header.metadata.get('split.count');
  const paths = typeof splits === 'number' && splits > 1 ? splitPaths(first, splits) : [first];
  for (const sibling of paths.slice(1)) parts.push(await readPart(sibling, signal));
  const tensors = parts.flatMap((part) => part.header.tensors);
  return {
    path: first,
    paths,
    header: firstPart.header,
    tensors,
    parameterCount: sum(tensors.map(({ elements }) => elements)),
    sizeBytes: sum(parts.map((part) => part.size)),
    modified: firstPart.modified,
  };
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

interface Part {
  readonly header: GgufHeader;
  readonly size: number;
  readonly modified: number;
}

const readPart = async (file: string, signal: AbortSignal): Promise<Part> => {
  const { size, modified } = await sizeOf(file);
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw new GolekError(
      'model_load_failed',
      `the model file '${file}' cannot be opened: ${(cause as Error).message}`,
      { cause, details: { file } },
    );
  }
  try {
    const header = await readHeader(handle, size, signal);
    checkTensors(header, size);
    return { header, size, modified };
  } catch (cause) {
    if (!(cause instanceof GgufFormatError)) throw cause;
    throw new GolekError('model_invalid', `'${file}' is not a usable GGUF file: ${cause.message}`, {
      cause,
      details: { file },
    });
  } finally {
    await handle.close();
  }
};

const sizeOf = async (file: string): Promise<{ size: number; modified: number }> => {
  const found = await stat(file).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new GolekError('model_not_found', `there is no model file at '${file}'`, { cause, details: { file } });
    }
    throw new GolekError('model_load_failed', `the model file '${file}' cannot be read: ${(cause as Error).message}`, {
      cause,
      details: { file },
    });
  });
  if (!found.isFile())
    throw new GolekError('model_invalid', `'${file}' is not a file; give the path of a .gguf file`, {
      details: { file },
    });
  return { size: found.size, modified: Math.floor(found.mtimeMs / 1000) };
};

const readHeader = async (handle: FileHandle, size: number, signal: AbortSignal): Promise<GgufHeader> => {
  for (let wanted = FIRST_READ; ; wanted *= 4) {
    signal.throwIfAborted();
    const bytes = await readStart(handle, Math.min(wanted, size));
    try {
      return parseGgufHeader(bytes, size);
    } catch (error) {
      if (!(error instanceof GgufHeaderIncomplete)) throw error;
      if (bytes.length >= size)
        throw new GgufFormatError(`it ends at byte ${size}, inside its header: the file is truncated`);
      if (wanted >= MAX_HEADER) throw new GgufFormatError(`its header is larger than ${MAX_HEADER} bytes`);
    }
  }
};

const readStart = async (handle: FileHandle, length: number): Promise<Uint8Array> => {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
};

const checkTensors = ({ tensors, dataOffset }: GgufHeader, size: number): void => {
  for (const { name, elements, type, offset } of tensors) {
    const layout = TENSOR_TYPES[type];
    if (!layout) throw new GgufFormatError(`tensor '${name}' has the type ${type}, which this llama.cpp does not know`);
    const end = dataOffset + offset + Math.ceil(elements / layout.block) * layout.bytes;
    if (end > size)
      throw new GgufFormatError(
        `tensor '${name}' ends at byte ${end}, but the file has ${size} bytes: it is truncated or damaged`,
      );
  }
};

/** llama.cpp names the parts NAME-00001-of-00003.gguf. */
const splitPaths = (first: string, count: number): string[] => {
  const match = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(first);
  if (!match || Number(match[2]) !== count || count > MAX_PARTS) {
    throw new GolekError(
      'model_invalid',
      `'${first}' is one of ${count} parts of a model; give the path of the first part, named like NAME-00001-of-${String(count).padStart(5, '0')}.gguf`,
      { details: { file: first } },
    );
  }
  return Array.from(
    { length: count },
    (_, i) => `${match[1] ?? ''}-${String(i + 1).padStart(5, '0')}-of-${match[2] ?? ''}.gguf`,
  );
};
