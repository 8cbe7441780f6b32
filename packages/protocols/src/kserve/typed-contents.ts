import { GolekError, type NamedTensor, type TensorType } from '@golek/api';
import { bytesData } from '../tensors/serialized-bytes.ts';
import { ELEMENT_CODECS } from '../tensors/tensor-elements.ts';
import { checkCount, shapeOf, typeOf, type TensorHead } from './raw-tensor.ts';
import type { InferTensorContents } from './wire/grpc-service.ts';

type Values = readonly (number | bigint | boolean)[];

/** Where the elements of each type stand. FP16 and BF16 have no place: they come as raw bytes only. */
const FIELDS: Readonly<Record<Exclude<TensorType, 'BYTES' | 'FP16' | 'BF16'>, keyof InferTensorContents>> = {
  BOOL: 'boolContents',
  INT8: 'intContents',
  INT16: 'intContents',
  INT32: 'intContents',
  INT64: 'int64Contents',
  UINT8: 'uintContents',
  UINT16: 'uintContents',
  UINT32: 'uintContents',
  UINT64: 'uint64Contents',
  FP32: 'fp32Contents',
  FP64: 'fp64Contents',
};

/** A tensor of its typed contents. Throws `invalid_request` for values that the type cannot hold. */
export const readContents = (head: TensorHead, contents: InferTensorContents): NamedTensor => {
  const { name } = head;
  const type = typeOf(head);
  const shape = shapeOf(head);
  if (type === 'BYTES') {
    checkCount(name, shape, contents.bytesContents.length);
    return { name, type, shape, data: bytesData(contents.bytesContents) };
  }
  if (type === 'FP16' || type === 'BF16')
    throw new GolekError(
      'invalid_request',
      `tensor '${name}' is ${type}, which the protocol passes as raw contents only`,
    );
  const values = contents[FIELDS[type]] as Values;
  checkCount(name, shape, values.length);
  const { size, write, expected } = ELEMENT_CODECS[type];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    if (!write(view, index * size, elementOf(value)))
      throw new GolekError(
        'invalid_request',
        `tensor '${name}' is ${type}; its element ${index} is ${value}, expected ${expected}`,
      );
  }
  return { name, type, shape, data: bytes };
};

/** Elements as the codec takes them: what JSON has no number for are texts there. */
const elementOf = (value: number | bigint | boolean): number | string | boolean => {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  return value;
};
