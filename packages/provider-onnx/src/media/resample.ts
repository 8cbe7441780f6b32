import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Picture } from './picture.ts';

/** Ways to make a picture larger or smaller, by Pillow's numbers, as model files have them (`PIL.Image.Resampling`). */
export const FILTERS = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming'] as const;
export type Filter = (typeof FILTERS)[number];

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A piece of a picture, pixels; it may go beyond the picture's edges. */
export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** How far a pixel reaches, and how much of it there is at a distance (for `bicubic`: Keys 1981 with a = -0.5). */
const KERNELS: Readonly<
  Record<Exclude<Filter, 'nearest'>, { readonly reach: number; readonly at: (x: number) => number }>
> = {
  box: { reach: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    reach: 1,
    at: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))),
  },
  bicubic: {
    reach: 2,
    at: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
  lanczos: { reach: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Which pixels of a line make one of the new line, and how much of each: 22 binary places, which leaves room for sums of bytes in 32 bits. */
interface Share {
  readonly first: number;
  readonly weights: Int32Array;
}
const PLACES = 22;

/** Products that are added up before others get their turn. */
const WORK_AT_ONCE = 4_000_000;

/**
 * A window of the picture as it is at another size. Outside of it pixels are 0. Made smaller, the filter grows with the step, so that each old pixel counts (Pillow's way, which
 * torchvision calls antialias); computed as Pillow does it, columns first, in whole numbers: the same bytes.
 */
export const resample = async (picture: Picture, size: Size, window: Window, filter: Filter): Promise<Picture> => {
  const { channels } = picture;
  const left = Math.max(0, window.left);
  const top = Math.max(0, window.top);
  const right = Math.min(size.width, window.left + window.width);
  const bottom = Math.min(size.height, window.top + window.height);
  const columns = sharesOf(picture.width, size.width, left, right, filter);
  const rows = sharesOf(picture.height, size.height, top, bottom, filter);
  const firstRow = rows.reduce((least, { first }) => Math.min(least, first), picture.height);
  const lastRow = rows.reduce((most, { first, weights }) => Math.max(most, first + weights.length), 0);
  const narrow = await acrossColumns(picture, columns, firstRow, lastRow);
  const data = new Uint8Array(window.width * window.height * channels);
  const start = (left - window.left) * channels;
  const width = columns.length * channels;
  let work = 0;
  for (const [index, { first, weights }] of rows.entries()) {
    const to = (top - window.top + index) * window.width * channels + start;
    const from = (first - firstRow) * width;
    for (let x = 0; x < width; x++) {
      let sum = 1 << (PLACES - 1);
      for (let k = 0, at = from + x; k < weights.length; k++, at += width)
        sum = (sum + Math.imul(weights[k] as number, narrow[at] as number)) | 0;
      data[to + x] = byteOf(sum);
    }
    work = await pause(work + width * weights.length);
  }
  return { width: window.width, height: window.height, channels, data };
};

const byteOf = (sum: number): number => {
  const value = sum >> PLACES;
  return value < 0 ? 0 : value > 255 ? 255 : value;
};

const pause = async (work: number): Promise<number> => {
  if (work < WORK_AT_ONCE) return work;
  await nextTurn();
  return 0;
};

/** The rows from `firstRow` on, made narrower or wider. */
const acrossColumns = async (
  { width, channels, data }: Picture,
  columns: readonly Share[],
  firstRow: number,
  lastRow: number,
): Promise<Uint8Array> => {
  const out = new Uint8Array(Math.max(0, lastRow - firstRow) * columns.length * channels);
  const products = columns.reduce((sum, { weights }) => sum + weights.length, 0) * channels;
  let to = 0;
  let work = 0;
  for (let row = firstRow; row < lastRow; row++) {
    const from = row * width * channels;
    for (const { first, weights } of columns) {
      let at = from + first * channels;
      if (channels === 1) {
        let grey = 1 << (PLACES - 1);
        for (let k = 0; k < weights.length; k++, at++)
          grey = (grey + Math.imul(weights[k] as number, data[at] as number)) | 0;
        out[to++] = byteOf(grey);
        continue;
      }
      let red = 1 << (PLACES - 1);
      let green = red;
      let blue = red;
      for (let k = 0; k < weights.length; k++, at += 3) {
        const weight = weights[k] as number;
        red = (red + Math.imul(weight, data[at] as number)) | 0;
        green = (green + Math.imul(weight, data[at + 1] as number)) | 0;
        blue = (blue + Math.imul(weight, data[at + 2] as number)) | 0;
      }
      out[to++] = byteOf(red);
      out[to++] = byteOf(green);
      out[to++] = byteOf(blue);
    }
    work = await pause(work + products);
  }
  return out;
};

/** Shares of the pixels `from` to `to` of a line that is scaled from `length` to `newLength`. */
const sharesOf = (length: number, newLength: number, from: number, to: number, filter: Filter): readonly Share[] => {
  const shares: Share[] = [];
  const step = length / newLength;
  for (let place = from; place < to; place++) {
    const center = (place + 0.5) * step;
    shares.push(
      filter === 'nearest' || step === 1
        ? { first: Math.min(length - 1, Math.floor(center)), weights: Int32Array.of(1 << PLACES) }
        : shareOf(length, center, Math.max(1, step), KERNELS[filter]),
    );
  }
  return shares;
};

const shareOf = (length: number, center: number, stretch: number, { reach, at }: (typeof KERNELS)['box']): Share => {
  const first = Math.max(0, Math.trunc(center - reach * stretch + 0.5));
  const end = Math.min(length, Math.trunc(center + reach * stretch + 0.5));
  const raw = Array.from({ length: end - first }, (_, k) => at((first + k - center + 0.5) * (1 / stretch)));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  const weights = Int32Array.from(raw, (weight) => {
    const whole = (sum === 0 ? weight : weight / sum) * (1 << PLACES);
    return Math.trunc(whole < 0 ? whole - 0.5 : whole + 0.5);
  });
  return { first, weights };
};
