import type { ProviderCapabilities } from '@golek/providers-spi';

/** What the provider can do, in this process or in another. */
export const GGUF_CAPABILITIES: ProviderCapabilities = {
  tasks: ['generate', 'embed', 'rerank', 'tokenize', 'detokenize', 'count'],
  formats: ['gguf'],
};

export const DEFAULT_ID = 'gguf';
