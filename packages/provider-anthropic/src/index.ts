import type { Provider } from '@golek/providers-spi';
import type { AnthropicProviderOptions } from './options.ts';
import { anthropicProvider } from './provider.ts';

export type { AnthropicModelOptions, AnthropicProviderOptions } from './options.ts';

/** Makes a provider for the models of one service with Anthropic's Messages API; connects when a model is first asked. Throws `config_invalid` for wrong options. */
export const createAnthropicProvider = (options: AnthropicProviderOptions): Provider => anthropicProvider(options);
