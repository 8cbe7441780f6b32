import type { ProviderCapabilities } from '@golek/providers-spi';

/** What the provider can do, in this process or in another. */
export const ONNX_CAPABILITIES: ProviderCapabilities = {
  tasks: ['tensor', 'embed', 'classify', 'rerank', 'generate', 'tokenize', 'detokenize'],
  formats: ['onnx'],
};

export const DEFAULT_ID = 'onnx';
