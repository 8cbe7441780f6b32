import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { GolekError, type AudioPart, type ImagePart } from '@golek/api';

/** Largest picture or recording, bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.bmp': 'image/bmp',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.wav': 'audio/wav',
  '.flac': 'audio/flac',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
};

/** Reads a picture or a recording; which of them, its name says. Throws `invalid_request`. */
export const readMediaFile = async (file: string): Promise<ImagePart | AudioPart> => {
  const mediaType = MEDIA_TYPES[path.extname(file).toLowerCase()];
  if (mediaType === undefined)
    throw new GolekError(
      'invalid_request',
      `'${file}' is no picture or recording by its name; known are ${Object.keys(MEDIA_TYPES).join(', ')}`,
    );
  const data = await read(file);
  return {
    type: mediaType.startsWith('image/') ? 'image' : 'audio',
    source: { kind: 'base64', mediaType, data: data.toString('base64') },
  };
};

const read = async (file: string): Promise<Buffer> => {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new Error(`'${file}' has ${size} bytes, more than the limit of ${MAX_BYTES}`);
    return await readFile(file);
  } catch (thrown) {
    throw new GolekError('invalid_request', `it cannot be read: ${(thrown as Error).message}`, { cause: thrown });
  }
};
