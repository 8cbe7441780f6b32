import type { ImagePart } from '@golek/providers-spi';

/** By the ending of an address, whose bytes nobody here has seen. */
const TYPES: Readonly<Record<string, string>> = {
  gif: 'image/gif',
  heic: 'image/heic',
  heif: 'image/heif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};

const typeOf = (url: string): string | undefined =>
  TYPES[/\.([a-z]{3,4})(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? ''];

/** A file as a part: its bytes, or its address, which the service reads itself. */
export const mediaPart = ({ source }: ImagePart): object =>
  source.kind === 'base64'
    ? { inlineData: { mimeType: source.mediaType, data: source.data } }
    : { fileData: { fileUri: source.url, mimeType: typeOf(source.url) } };
