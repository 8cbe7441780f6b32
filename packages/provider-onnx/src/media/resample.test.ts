import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { greyOf, type Picture } from './picture.ts';
import { noise } from './pictures.fixture.ts';
import { resample, type Filter } from './resample.ts';

const digest = ({ data }: Picture): string => createHash('sha256').update(data).digest('hex').slice(0, 16);

/** SHA-256 of what Pillow 9.4.0 makes of `noise(37, 23, channels)`, its first 16 digits. */
const PILLOW: readonly (readonly [Filter, 1 | 3, number, number, string])[] = [
  ['nearest', 3, 10, 7, 'ac464bc738fd13d1'],
  ['nearest', 3, 64, 50, '7a8771cc966cc9f9'],
  ['nearest', 3, 37, 9, '95e4f642c0c82eb6'],
  ['nearest', 3, 12, 23, '738fd2bb75564687'],
  ['nearest', 3, 5, 40, '9ae2a2a77e78f4c3'],
  ['lanczos', 3, 10, 7, '825ae35a897de46b'],
  ['lanczos', 3, 64, 50, 'b2dae403a76e2ef3'],
  ['lanczos', 3, 37, 9, '8a0beae8b769f7dd'],
  ['lanczos', 3, 12, 23, '0fd36e6b799275f0'],
  ['lanczos', 3, 5, 40, 'fb60cc8c4c383726'],
  ['bilinear', 3, 10, 7, '1eb8a4e6a0980422'],
  ['bilinear', 3, 64, 50, '2a6d64abce5b71d7'],
  ['bilinear', 3, 37, 9, '2d10c73b723bcf27'],
  ['bilinear', 3, 12, 23, '5bf0e7517cddccdf'],
  ['bilinear', 3, 5, 40, 'f79cbe1b786e47d6'],
  ['bicubic', 3, 10, 7, '39a7ac699fa90bad'],
  ['bicubic', 3, 64, 50, '15a9b5f4daa4ef8b'],
  ['bicubic', 3, 37, 9, 'ba4f8397e55337ca'],
  ['bicubic', 3, 12, 23, '3b8cd1f8a7202963'],
  ['bicubic', 3, 5, 40, '838b96509f54b8b1'],
  ['box', 3, 10, 7, 'bcc2dc0a70c06199'],
  ['box', 3, 64, 50, '7a8771cc966cc9f9'],
  ['box', 3, 37, 9, 'f0b259dc2ff9f8c8'],
  ['box', 3, 12, 23, '0182a732378852e8'],
  ['box', 3, 5, 40, '45ebf92f47b1f975'],
  ['hamming', 3, 10, 7, '6f0049e986cc782e'],
  ['hamming', 3, 64, 50, '785d93416583f781'],
  ['hamming', 3, 37, 9, 'e46bfc241813ea4a'],
  ['hamming', 3, 12, 23, '0eb8d2198a68cdb2'],
  ['hamming', 3, 5, 40, '601f37f2d2e7769c'],
  ['nearest', 1, 10, 7, '577f7572c7ed8835'],
  ['nearest', 1, 64, 50, 'b49aa5d9f937f2a5'],
  ['lanczos', 1, 10, 7, '5ef14ff2ed1cfa39'],
  ['lanczos', 1, 64, 50, '18e654b5bb988871'],
  ['bilinear', 1, 10, 7, 'a9387877608ae678'],
  ['bilinear', 1, 64, 50, 'eaba0060ee8b80e6'],
  ['bicubic', 1, 10, 7, '7a0802d2934fa2a6'],
  ['bicubic', 1, 64, 50, '850635eff1514f80'],
  ['box', 1, 10, 7, '7843707ae6a3f794'],
  ['box', 1, 64, 50, 'b49aa5d9f937f2a5'],
  ['hamming', 1, 10, 7, '43bea051350df450'],
  ['hamming', 1, 64, 50, 'aac19ef244c153cf'],
];

test.each(PILLOW)(
  '%s of %i channels to %i x %i is what Pillow makes',
  async (filter, channels, width, height, wanted) => {
    const whole = { left: 0, top: 0, width, height };
    expect(digest(await resample(noise(37, 23, channels), { width, height }, whole, filter))).toBe(wanted);
  },
);

test('grey is what Pillow makes of colours', () => {
  expect(digest(greyOf(noise(37, 23, 3)))).toBe('b49567a3674b5379');
});

test('the same size is the same picture', async () => {
  const picture = noise(37, 23, 3);
  const size = { width: 37, height: 23 };
  for (const filter of ['nearest', 'bicubic'] as const)
    expect((await resample(picture, size, { ...size, left: 0, top: 0 }, filter)).data).toEqual(picture.data);
});

test('a window is the same piece of the whole, and black beyond its edges', async () => {
  const picture = noise(37, 23, 3);
  const size = { width: 20, height: 12 };
  const whole = await resample(picture, size, { ...size, left: 0, top: 0 }, 'bilinear');
  const pixel = ({ data, width }: Picture, x: number, y: number): number[] => [
    ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
  ];
  const window = { left: -2, top: 5, width: 30, height: 9 };
  const piece = await resample(picture, size, window, 'bilinear');
  expect(piece).toMatchObject({ width: 30, height: 9, channels: 3 });
  for (let y = 0; y < window.height; y++)
    for (let x = 0; x < window.width; x++) {
      const [column, row] = [x + window.left, y + window.top];
      const inside = column >= 0 && column < size.width && row < size.height;
      expect(pixel(piece, x, y)).toEqual(inside ? pixel(whole, column, row) : [0, 0, 0]);
    }
});

test('others get their turn while a large picture is made small', async () => {
  let turns = 0;
  const again = (): void => {
    turns++;
    next = setImmediate(again);
  };
  let next = setImmediate(again);
  const size = { width: 100, height: 100 };
  await resample(noise(4000, 1000, 3), size, { ...size, left: 0, top: 0 }, 'bicubic');
  clearImmediate(next);
  expect(turns).toBeGreaterThan(2);
});
