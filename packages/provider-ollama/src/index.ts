import type { Provider } from '@golek/providers-spi';
import type { OllamaProviderOptions } from './options.ts';
import { ollamaProvider } from './provider.ts';

export type { OllamaModelOptions, OllamaProviderOptions } from './options.ts';

/** Makes a provider for the models of one Ollama server; connects when a model is first looked at. Throws `config_invalid` for wrong options. */
export const createOllamaProvider = (options: OllamaProviderOptions): Provider => ollamaProvider(options);
