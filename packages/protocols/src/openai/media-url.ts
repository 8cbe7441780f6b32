import type { ImagePart } from '@golek/api';
import { z } from 'zod';

/** Where a picture or a recording is, or the file itself. */
export const MediaUrl = z
  .string()
  .regex(/^(https?:\/\/|data:[^;,]+;base64,)/, 'expected an http(s) address or a data: URL in base64');

/** How finely OpenAI's models look at a picture. Models here look as they do, and whoever asked for something else is told. */
export const ImageDetail = z.enum(['auto', 'low', 'high', 'original']).nullish();

/** @param path of the first picture that was to be looked at in another way; undefined: there is none. */
export const detailWarnings = (path: string | undefined): string[] =>
  path === undefined ? [] : [`'${path}' changed nothing: images are read as the model does`];

export const asksForDetail = (detail: z.output<typeof ImageDetail>): boolean => detail != null && detail !== 'auto';

export const readMediaUrl = (url: string): ImagePart['source'] => {
  if (!url.startsWith('data:')) return { kind: 'url', url };
  const comma = url.indexOf(',');
  const mediaType = url.slice('data:'.length, url.indexOf(';'));
  return { kind: 'base64', mediaType, data: url.slice(comma + 1) };
};

/** An address that only the server itself can make: of a file that was sent to it before. */
const FILE_SCHEME = 'golek-file:';

/** Id of a file that was sent before; what does not look like one is not found. */
export const FileId = z.string().min(1).max(256);

/** The file of this id, for whoever keeps files to put in its place. */
export const readMediaFile = (id: string): ImagePart['source'] => ({ kind: 'url', url: FILE_SCHEME + id });

/** The id of the file that a source names; undefined for another source. */
export const fileIdOf = (source: ImagePart['source']): string | undefined =>
  source.kind === 'url' && source.url.startsWith(FILE_SCHEME) ? source.url.slice(FILE_SCHEME.length) : undefined;
