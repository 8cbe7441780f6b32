import { GolekError } from '@golek/providers-spi';
import { availableBytes, readMemoryState } from '@golek/providers-spi/machine';

/** ONNX Runtime's library and its arenas, measured with models of a few kilobytes: 35 MiB, and some more with the first run. */
const RUNTIME_BYTES = 48 * 2 ** 20;
/** Weights are held as they are in the file, and once more as the kernels of matrix products want them packed: 47 MiB for a file of 16 MB. */
const WEIGHT_COPIES = 2;

/** Bytes that a model takes once it is loaded. What a run takes beside depends on the sizes of its inputs. */
export const memoryOf = (sizeBytes: number): number => RUNTIME_BYTES + WEIGHT_COPIES * sizeBytes;

/** Throws `insufficient_memory` with both numbers when a model needs more than there is, or than its owner allows. */
export const requireMemory = async (model: string, sizeBytes: number, limit: number | undefined): Promise<number> => {
  const required = memoryOf(sizeBytes);
  const available = availableBytes(await readMemoryState());
  const least = Math.min(available, limit ?? Infinity);
  if (required <= least) return required;
  throw new GolekError(
    'insufficient_memory',
    `model '${model}' needs about ${mebibytes(required)} of memory but ${mebibytes(Math.max(0, least))} ${least < available ? 'are left of the memory for models' : 'are available'}; free memory or unload another model`,
    { details: { model, requiredBytes: required, availableBytes: Math.max(0, least) } },
  );
};

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
