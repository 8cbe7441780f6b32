import { fileKind, GolekError } from '@golek/providers-spi';
import type { Metadata, Sharp, SharpConstructor } from 'sharp';
import type { Picture } from './picture.ts';

const READ = ['PNG', 'JPEG', 'WebP', 'GIF'];

/** Longest that a file may take to be decoded: some few bytes describe many passes over all pixels. */
const MAX_SECONDS = 30;

/** The library is loaded with the first picture: a process that has none never pays for it. */
let library: Promise<SharpConstructor> | undefined;

const decoder = (): Promise<SharpConstructor> =>
  (library ??= import('sharp').then(
    (module) => module.default,
    (cause: unknown) => {
      throw new GolekError(
        'provider_failed',
        `pictures cannot be read on ${process.platform} ${process.arch}: sharp cannot be loaded: ${(cause as Error).message}`,
        { cause },
      );
    },
  ));

/**
 * Decodes a PNG, JPEG, WebP or GIF file (its first frame) into RGB, turned as its EXIF orientation says, transparency and colour profile left out, as Pillow's `convert('RGB')`
 * does. `what` names it in messages. Throws `invalid_request` for another format, more pixels than `maxPixels` (before it is decoded) and files that are cut short or damaged.
 */
export const decodeImage = async (bytes: Uint8Array, what: string, maxPixels: number): Promise<Picture> => {
  const refuse = (problem: string, cause?: unknown): GolekError =>
    new GolekError('invalid_request', `${what} ${problem}`, { cause, details: { field: what } });
  const format = fileKind(bytes);
  if (format === undefined || !READ.includes(format))
    throw refuse(`is ${format ? `a file of the format ${format}` : 'no picture'}; PNG, JPEG, WebP and GIF are read`);
  const sharp = await decoder();
  const open = (): Sharp => sharp(bytes, { failOn: 'error', limitInputPixels: maxPixels, ignoreIcc: true });
  let header: Metadata;
  try {
    // Tells the size without a look at the pixels; the limit is compared here, to name both.
    header = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw refuse(`is a ${format} file that is cut short or damaged: ${reasonOf(cause)}`, cause);
  }
  const { width, height } = header;
  if (width * height > maxPixels)
    throw refuse(
      `has ${width} × ${height} pixels, ${width * height} together; at most ${maxPixels} are decoded (option 'maxImagePixels')`,
    );
  try {
    const { data, info } = await open()
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .timeout({ seconds: MAX_SECONDS })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 3, data };
  } catch (cause) {
    throw refuse(`is a ${format} file that is cut short or damaged: ${reasonOf(cause)}`, cause);
  }
};

const reasonOf = (cause: unknown): string => GolekError.from(cause).message.trim().split('\n', 1)[0] ?? '';
