import { GolekError, type NamedTensor } from '@golek/api';
import { z } from 'zod';
import { readTensor, tensorValues } from '../tensors/json-tensor.ts';
import { rawBytes, readRawTensor, shapeOf, typeOf } from './raw-tensor.ts';

const BinarySize = z.int().min(0);

/** A tensor in a body: its values, or how many of the bytes behind the JSON are its. */
export const RestTensor = z
  .strictObject({
    name: z.string().min(1),
    datatype: z.string().describe('BOOL, UINT8 … UINT64, INT8 … INT64, FP16, BF16, FP32, FP64 or BYTES.'),
    shape: z.array(z.int().min(0)).max(64),
    parameters: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .exactOptional()
      .describe('`binary_data_size`: bytes of the tensor behind the JSON, in the order of the tensors.'),
    data: z.array(z.unknown()).exactOptional().describe('Values in row-major order, flat or nested as the shape is.'),
  })
  .meta({ id: 'KserveTensor' });
export type RestTensor = z.infer<typeof RestTensor>;

const sizeOf = ({ name, parameters = {} }: RestTensor): number | undefined => {
  const { binary_data_size: size, ...others } = parameters;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new GolekError(
      'unsupported',
      `tensor '${name}' has the parameter '${other}', which is not supported; send its contents in the request`,
    );
  if (size === undefined) return undefined;
  const known = BinarySize.safeParse(size);
  if (known.success) return known.data;
  throw new GolekError(
    'invalid_request',
    `tensor '${name}' has the binary_data_size ${JSON.stringify(size)}; expected a number of bytes`,
  );
};

/** Reads tensors that stand at `path` of a body, and behind it. Throws `invalid_request` and `unsupported`. */
export const readRestTensors = (tensors: readonly RestTensor[], binary: Uint8Array, path: string): NamedTensor[] => {
  let at = 0;
  const read = tensors.map((tensor, index): NamedTensor => {
    const { name, datatype, shape, data } = tensor;
    const size = sizeOf(tensor);
    if (size !== undefined) {
      if (data)
        throw new GolekError('invalid_request', `tensor '${name}' has data and a binary_data_size; send one of them`);
      const end = at + size;
      if (end > binary.length)
        throw new GolekError(
          'invalid_request',
          `tensor '${name}' ends at byte ${end} of the ${binary.length} behind the JSON`,
        );
      const bytes = binary.subarray(at, end);
      at = end;
      return readRawTensor({ name, datatype, shape }, bytes);
    }
    if (!data)
      throw new GolekError(
        'invalid_request',
        `tensor '${name}' has no data; send it, or binary_data_size and the bytes behind the JSON`,
      );
    return readTensor({ name, type: typeOf(tensor), shape: shapeOf(tensor), data }, `${path}[${index}]`);
  });
  if (at !== binary.length)
    throw new GolekError('invalid_request', `${binary.length} bytes stand behind the JSON, and its tensors take ${at}`);
  return read;
};

const isWide = (type: NamedTensor['type']): boolean => type === 'INT64' || type === 'UINT64';

/** Writes digits as they are: JSON has no limit where numbers of JavaScript have one. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** A tensor as it stands in a body; its bytes, where it is binary. */
export const restTensor = (
  tensor: NamedTensor,
  binary: boolean,
): { readonly head: object; readonly bytes: Uint8Array | undefined } => {
  const { name, type, shape } = tensor;
  const head = { name, datatype: type, shape };
  if (binary) {
    const bytes = rawBytes(tensor);
    return { head: { ...head, parameters: { binary_data_size: bytes.length } }, bytes };
  }
  const values = tensorValues(tensor);
  const data = isWide(type) ? values.map((value) => (typeof value === 'string' ? rawJSON(value) : value)) : values;
  return { head: { ...head, data }, bytes: undefined };
};
