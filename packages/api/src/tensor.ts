import { z } from 'zod';

/** Element types, named as in the Open Inference Protocol (KServe v2). */
export const TensorType = z.enum([
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
  'BYTES',
]);
export type TensorType = z.infer<typeof TensorType>;

/**
 * A tensor by name. `shape` has one non-negative size per dimension. `data` holds the elements in row-major order: little-endian
 * bytes for number types (FP16 as IEEE half, BF16 as the upper half of a float32), strings for BYTES. BYTES with an element that is not
 * UTF-8 are bytes, too: of each element its length (4 bytes, little-endian) and then its content.
 */
export const NamedTensor = z.strictObject({
  name: z.string().min(1),
  type: TensorType,
  shape: z.array(z.int().min(0)),
  data: z.union([z.instanceof(Uint8Array), z.array(z.string())]),
});
export type NamedTensor = z.infer<typeof NamedTensor>;

/** A place where a tensor goes into a model or comes out of it. */
export const TensorPort = z.strictObject({
  name: z.string().min(1),
  type: TensorType,
  /** -1: any size. Absent: any shape. */
  shape: z.array(z.int().min(-1)).optional(),
  /** True: a request may leave it out. */
  optional: z.boolean().optional(),
});
export type TensorPort = z.infer<typeof TensorPort>;
