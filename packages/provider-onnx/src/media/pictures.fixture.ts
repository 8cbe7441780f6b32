import sharp, { type Sharp } from 'sharp';
import type { Picture } from './picture.ts';

/** The same pixels everywhere: the high bits of a linear congruential generator (constants of C's `rand`). */
export const noise = (width: number, height: number, channels: 1 | 3): Picture => {
  const data = new Uint8Array(width * height * channels);
  let state = 12_345;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    data[i] = state >> 16;
  }
  return { width, height, channels, data };
};

/** Where colours go over into each other, so that lossy formats keep them nearly. */
export const gradient = (width: number, height: number): Picture => {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      data[at++] = (255 * x) / width;
      data[at++] = (255 * y) / height;
      data[at++] = 128;
    }
  return { width, height, channels: 3, data };
};

/** Pixels to be written in the format that the caller names. */
export const drawn = ({ width, height, channels, data }: Picture): Sharp =>
  sharp(data, { raw: { width, height, channels } });
