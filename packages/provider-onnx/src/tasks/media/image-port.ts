import type { OnnxTensor, TensorPort } from '../../graph.ts';
import type { Picture } from '../../media/picture.ts';
import { toHalves } from '../half-floats.ts';

/** The input of a graph that takes pictures. */
export interface ImagePort {
  readonly port: TensorPort;
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 1 | 3;
  /** Pixels and pictures of one run, where the graph fixes them. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly rows: number | undefined;
}

const TYPES: readonly TensorPort['type'][] = ['FP32', 'FP16', 'UINT8'];

const fixed = (dim: TensorPort['dims'][number]): number | undefined =>
  typeof dim === 'number' && dim > 0 ? dim : undefined;

const channelsOf = (dim: TensorPort['dims'][number]): 1 | 3 | undefined => (dim === 1 || dim === 3 ? dim : undefined);

/** Undefined where the graph does not take pictures alone. `channels`: how many a graph has that leaves it open. */
export const imagePort = (inputs: readonly TensorPort[], channels: 1 | 3): ImagePort | undefined => {
  const [port, ...others] = inputs;
  if (!port || others.length > 0 || port.dims.length !== 4 || !TYPES.includes(port.type)) return undefined;
  const [count, second, third, last] = port.dims;
  const rows = fixed(count);
  const first = channelsOf(second);
  if (first === undefined && channelsOf(last) !== undefined)
    return {
      port,
      layout: 'NHWC',
      channels: channelsOf(last) ?? channels,
      width: fixed(third),
      height: fixed(second),
      rows,
    };
  if (first === undefined && fixed(second) !== undefined) return undefined;
  return { port, layout: 'NCHW', channels: first ?? channels, width: fixed(last), height: fixed(third), rows };
};

/** What a graph takes instead of a byte, by channel: `byte × scale + offset`. */
export interface ChannelScale {
  readonly scale: number;
  readonly offset: number;
}

/** Pictures of one size side by side; a graph that fixes their number gets black ones for the rest. */
export const pixelTensor = (
  { port, layout, rows }: ImagePort,
  pictures: readonly Picture[],
  scales: readonly ChannelScale[],
  flipChannels: boolean,
): OnnxTensor => {
  const [{ width, height, channels }] = pictures as [Picture];
  const area = width * height;
  const size = area * channels;
  const count = Math.max(pictures.length, rows ?? 0);
  const bytes = port.type === 'UINT8';
  const values = bytes ? new Uint8Array(count * size) : new Float32Array(count * size);
  for (let channel = 0; channel < channels; channel++) {
    const from = flipChannels ? channels - 1 - channel : channel;
    const { scale, offset } = scales[channel] ?? { scale: 1, offset: 0 };
    const [start, step] = layout === 'NCHW' ? [channel * area, 1] : [channel, channels];
    for (let row = 0; row < count; row++) {
      const data = pictures[row]?.data;
      for (let pixel = 0, at = from, to = row * size + start; pixel < area; pixel++, at += channels, to += step)
        values[to] = (data ? (data[at] as number) : 0) * scale + offset;
    }
  }
  const dims = layout === 'NCHW' ? [count, channels, height, width] : [count, height, width, channels];
  if (port.type === 'FP16') return { type: 'FP16', dims, data: toHalves(values as Float32Array) };
  return { type: bytes ? 'UINT8' : 'FP32', dims, data: values };
};
