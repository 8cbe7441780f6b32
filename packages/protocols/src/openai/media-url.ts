import type { ImagePart } from '@golek/api';
import { z } from 'zod';

/** Where a picture or a recording is, or the file itself. */
export const MediaUrl = z
  .string()
  .regex(/^(https?:\/\/|data:[^;,]+;base64,)/, 'expected an http(s) address or a data: URL in base64');

export const readMediaUrl = (url: string): ImagePart['source'] => {
  if (!url.startsWith('data:')) return { kind: 'url', url };
  const comma = url.indexOf(',');
  const mediaType = url.slice('data:'.length, url.indexOf(';'));
  return { kind: 'base64', mediaType, data: url.slice(comma + 1) };
};
