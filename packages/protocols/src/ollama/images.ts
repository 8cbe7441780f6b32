import type { ContentPart } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';

export const Images = z.array(z.base64('expected a picture in base64, without data:')).nullish();

/** How files of each kind begin, in base64: whole groups of three bytes, or what is fixed of them. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
  ['Qk', 'image/bmp'],
];

/** Pictures as parts of a message. The protocol does not say what kind they are: their first bytes do. Throws `invalid_request` for other files. */
export const readImages = (images: z.output<typeof Images>, path: string): ContentPart[] =>
  (images ?? []).map((data, index) => {
    const mediaType = BEGINNINGS.find(([beginning]) => data.startsWith(beginning))?.[1];
    if (mediaType === undefined) {
      throw invalid(`${path}[${index}]`, `'${path}[${index}]' is no PNG, JPEG, GIF, WebP or BMP; convert it`);
    }
    return { type: 'image', source: { kind: 'base64', mediaType, data } };
  });
