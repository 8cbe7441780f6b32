import type { ContentPart } from '@golek/providers-spi';

/** An image's own address, or its bytes as one. */
export const imageUrl = ({ source }: Extract<ContentPart, { type: 'image' }>): string =>
  source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;
