import { GolekError } from '@golek/providers-spi';
import { greyOf, type Picture } from '../../media/picture.ts';
import { resample, type Window } from '../../media/resample.ts';
import type { ImagePort } from './image-port.ts';
import type { ImageSteps, Resize } from './image-steps.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whole pixels as Hugging Face's `get_resize_output_image_size` counts them. */
export const resizedTo = ({ width, height }: Size, resize: Resize | undefined): Size => {
  if (!resize) return { width, height };
  if (resize.kind === 'exact') return resize.size;
  const { edge, longest } = resize;
  const [short, long] = width <= height ? [width, height] : [height, width];
  let newShort = edge;
  let newLong = Math.trunc((edge * long) / short);
  if (longest !== undefined && newLong > longest) {
    newShort = Math.max(1, Math.trunc((longest * newShort) / newLong));
    newLong = longest;
  }
  return width <= height ? { width: newShort, height: newLong } : { width: newLong, height: newShort };
};

/** A picture in colours as the graph takes it. Only the pixels that are cut out are computed. Throws `invalid_request` for one that does not become so, or only with too much memory. */
export const fitPicture = async (
  picture: Picture,
  what: string,
  { channels, width, height }: ImagePort,
  { resize, crop, filter }: ImageSteps,
  maxPixels: number,
): Promise<Picture> => {
  const refuse = (problem: string): GolekError =>
    new GolekError('invalid_request', `${what} has ${picture.width} × ${picture.height} pixels ${problem}`, {
      details: { field: what },
    });
  const size = resizedTo(picture, resize);
  const window: Window = crop
    ? { ...crop, left: Math.floor((size.width - crop.width) / 2), top: Math.floor((size.height - crop.height) / 2) }
    : { ...size, left: 0, top: 0 };
  if (window.width !== (width ?? window.width) || window.height !== (height ?? window.height))
    throw refuse(
      `and becomes ${window.width} × ${window.height}; the graph takes ${width ?? 'any'} × ${height ?? 'any'}`,
    );
  // A line of pixels would be made as wide as the graph wants it before it is made less long.
  if (Math.max(picture.height * window.width, window.width * window.height) > maxPixels)
    throw refuse(
      `and cannot be made ${size.width} × ${size.height} within ${maxPixels} pixels (option 'maxImagePixels')`,
    );
  return resample(channels === 1 ? greyOf(picture) : picture, size, window, filter);
};
