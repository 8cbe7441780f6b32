import { open, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';
import { readOnnxHeader, type ExternalData, type OnnxHeader } from './onnx-header.ts';
import { OnnxFormatError, ProtobufFile } from './protobuf-file.ts';

/** A readable ONNX model on disk. */
export interface OnnxFile {
  /** Absolute path. */
  readonly path: string;
  readonly header: OnnxHeader;
  /** Bytes on disk, with the files that its weights are in. */
  readonly sizeBytes: number;
  /** Time of the last change, Unix seconds. */
  readonly modified: number;
}

/** Beginnings of files that people take for ONNX ones. */
const OTHER_FORMATS: readonly { readonly begins: string; readonly at?: number; readonly is: string }[] = [
  { begins: 'GGUF', is: 'a GGUF file: give it to a provider for GGUF' },
  { begins: 'PK\x03\x04', is: 'a zip archive, such as PyTorch saves: export the model to ONNX' },
  { begins: 'version https://git-lfs', is: 'a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`' },
  { begins: '<!DOCTYPE', is: 'a web page: the download has failed' },
  { begins: '<html', is: 'a web page: the download has failed' },
  {
    begins: 'ORTM',
    at: 4,
    is: "a model in ONNX Runtime's own format (.ort): give the .onnx file that it was made from",
  },
  { begins: 'TFL3', at: 4, is: 'a TensorFlow Lite file: convert the model to ONNX' },
  { begins: '\x89HDF', is: 'an HDF5 file, such as Keras saves: convert the model to ONNX' },
];

/**
 * Reads and checks the header of an ONNX file, and that the files of its weights are there. The weights are not read. Throws `model_not_found`, `model_invalid` or, when
 * the file cannot be opened, `model_load_failed`.
 */
export const readOnnxFile = async (location: string, signal: AbortSignal): Promise<OnnxFile> => {
  const file = path.resolve(location);
  const { size, modified } = await sizeOf(file);
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    const start = Buffer.alloc(32);
    await handle.read(start, 0, start.length, 0);
    const other = OTHER_FORMATS.find(({ begins, at = 0 }) => start.toString('latin1').startsWith(begins, at));
    if (other) throw new OnnxFormatError(`it is ${other.is}`);
    const header = await readOnnxHeader(new ProtobufFile(handle, size, signal));
    return { path: file, header, sizeBytes: size + (await externalBytes(file, header.external)), modified };
  } catch (cause) {
    if (!(cause instanceof OnnxFormatError)) throw cause;
    throw new GolekError('model_invalid', `'${file}' is no usable ONNX file: ${cause.message}`, {
      cause,
      details: { file },
    });
  } finally {
    await handle.close();
  }
};

const unreadable = (file: string, cause: unknown): GolekError =>
  new GolekError('model_load_failed', `the model file '${file}' cannot be read: ${(cause as Error).message}`, {
    cause,
    details: { file },
  });

const sizeOf = async (file: string): Promise<{ size: number; modified: number }> => {
  const found = await stat(file).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new GolekError('model_not_found', `there is no model file at '${file}'`, { cause, details: { file } });
    throw unreadable(file, cause);
  });
  if (!found.isFile())
    throw new GolekError('model_invalid', `'${file}' is not a file; give the path of an .onnx file`, {
      details: { file },
    });
  return { size: found.size, modified: Math.floor(found.mtimeMs / 1000) };
};

const MAX_EXTERNAL_FILES = 4_096;

/** Bytes of the files that weights are in. They have to be in the model's folder: a model must not read other files of the machine. */
const externalBytes = async (model: string, external: readonly ExternalData[]): Promise<number> => {
  const folder = path.dirname(model);
  const sizes = new Map<string, number>();
  for (const { tensor, location, offset, length } of external) {
    const inside = path.normalize(location);
    if (location.includes('\0') || path.isAbsolute(inside) || inside.split(path.sep).includes('..'))
      throw new OnnxFormatError(`weight '${tensor}' is in '${location}', which is outside of the model's folder`);
    let size = sizes.get(inside);
    if (size === undefined) {
      if (sizes.size >= MAX_EXTERNAL_FILES)
        throw new OnnxFormatError(`its weights are in more than ${MAX_EXTERNAL_FILES} files`);
      const found = await stat(path.join(folder, inside)).catch(() => undefined);
      if (!found?.isFile())
        throw new OnnxFormatError(
          `the file '${location}' with the weight '${tensor}' is missing; put it beside the model`,
        );
      size = found.size;
      sizes.set(inside, size);
    }
    if (offset + (length ?? 0) > size)
      throw new OnnxFormatError(
        `weight '${tensor}' ends at byte ${offset + (length ?? 0)} of '${location}', which has ${size} bytes: it is truncated or another file`,
      );
  }
  return [...sizes.values()].reduce((total, size) => total + size, 0);
};
