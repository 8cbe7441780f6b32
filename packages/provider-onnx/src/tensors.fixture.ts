import type { NamedTensor } from '@golek/providers-spi';
import type { TensorType } from './graph.ts';

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

const bytesOf = (array: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

/** Little-endian bytes of whole numbers, as a tensor of this type has them. */
export const bytesOfNumbers = (type: TensorType, numbers: readonly bigint[]): Uint8Array<ArrayBuffer> => {
  if (type === 'BYTES') throw new TypeError('texts are no numbers');
  if (type === 'INT64') return bytesOf(BigInt64Array.from(numbers));
  if (type === 'UINT64') return bytesOf(BigUint64Array.from(numbers));
  return bytesOf(ARRAYS[type].from(numbers.map((number) => Number(BigInt.asIntN(64, number)))));
};

export const float32 = (name: string, shape: number[], values: Iterable<number>): NamedTensor => ({
  name,
  type: 'FP32',
  shape,
  data: bytesOf(Float32Array.from(values)),
});

export const int64 = (name: string, shape: number[], values: readonly (number | bigint)[]): NamedTensor => ({
  name,
  type: 'INT64',
  shape,
  data: bytesOf(BigInt64Array.from(values, BigInt)),
});

/** IEEE 754 half precision. */
const half = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/** The elements of a tensor as numbers (exact for all types up to 2^53) or texts. */
export const elementsOf = ({ type, data }: NamedTensor): (number | string)[] => {
  if (!(data instanceof Uint8Array)) return [...data];
  const { buffer } = data.slice();
  if (type === 'INT64') return Array.from(new BigInt64Array(buffer), Number);
  if (type === 'UINT64') return Array.from(new BigUint64Array(buffer), Number);
  if (type === 'FP16') return Array.from(new Uint16Array(buffer), half);
  if (type === 'BYTES' || type === 'BF16') throw new TypeError(`${type} is not read here`);
  return Array.from(new ARRAYS[type](buffer));
};
