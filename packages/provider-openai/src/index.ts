import type { Provider } from '@golek/providers-spi';
import type { OpenAiProviderOptions } from './options.ts';
import { openAiProvider } from './provider.ts';

export { DIALECTS, type Dialect, type DialectName } from './dialect.ts';
export type { OpenAiModelOptions, OpenAiProviderOptions } from './options.ts';

/** Makes a provider for the models of one OpenAI-compatible service; connects when a model is first asked. Throws `config_invalid` for wrong options. */
export const createOpenAiProvider = (options: OpenAiProviderOptions): Provider => openAiProvider(options);
