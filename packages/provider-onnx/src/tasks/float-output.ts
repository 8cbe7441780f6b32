import { GolekError } from '@golek/providers-spi';
import type { OnnxTensor } from '../graph.ts';
import { fromHalves } from './half-floats.ts';

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
