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
  'FP32',
  'FP64',
  'BYTES',
]);
export type TensorType = z.infer<typeof TensorType>;

/**
 * A tensor by name. `shape` has one non-negative size per dimension. `data` holds the elements in row-major order: little-endian
 * bytes for number types (FP16 as IEEE half), strings for BYTES.
 */
export const NamedTensor = z.strictObject({
  name: z.string().min(1),
  type: TensorType,
  shape: z.array(z.int().min(0)),
  data: z.union([z.instanceof(Uint8Array), z.array(z.string())]),
});
export type NamedTensor = z.infer<typeof NamedTensor>;
