import { GolekError } from '@golek/providers-spi';
import type { OnnxTensor } from '../graph.ts';

/** An output of floats, whatever their width. */
export interface FloatOutput {
  readonly dims: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export const FLOAT_TYPES: readonly string[] = ['FP32', 'FP16', 'FP64'];

/** Throws `provider_failed` for anything but floats. */
export const floatsOf = (tensor: OnnxTensor | undefined, name: string): FloatOutput => {
  const { type, dims, data } = tensor ?? { type: undefined, dims: [], data: [] };
  if (data instanceof Float32Array || data instanceof Float64Array) return { dims, data };
  if (type === 'FP16' && data instanceof Uint16Array) return { dims, data: fromHalves(data) };
  throw new GolekError('provider_failed', `the output '${name}' of the graph is ${type ?? 'missing'}, not floats`);
};

let halves: Float32Array | undefined;

/** IEEE 754 binary16, each of its values computed once. */
export const fromHalves = (bits: Uint16Array): Float32Array => {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, half) => halfToNumber(half));
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) numbers[i] = halves[bits[i] as number] as number;
  return numbers;
};

const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
};
