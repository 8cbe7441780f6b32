import type { Provider } from '@golek/providers-spi';
import type { GeminiProviderOptions } from './options.ts';
import { geminiProvider } from './provider.ts';

export type { GeminiModelOptions, GeminiProviderOptions } from './options.ts';

/** Makes a provider for the models of one service with Google's Gemini API; connects when a model is first asked. Throws `config_invalid` for wrong options. */
export const createGeminiProvider = (options: GeminiProviderOptions): Provider => geminiProvider(options);
