/** Pixels of a picture, row by row, the channels of each side by side: red, green and blue, or grey alone. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Brightness as Pillow's `convert('L')` has it: ITU-R BT.601 luma, in 65,536ths, rounded. */
export const greyOf = (picture: Picture): Picture => {
  const { width, height, channels, data } = picture;
  if (channels === 1) return picture;
  const grey = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel++, at += 3)
    grey[pixel] =
      ((data[at] as number) * 19_595 + (data[at + 1] as number) * 38_470 + (data[at + 2] as number) * 7_471 + 32_768) >>
      16;
  return { width, height, channels: 1, data: grey };
};
