import type { Provider } from '@golek/providers-spi';
import type { GgufProviderOptions } from './options.ts';
import { GgufProvider } from './provider.ts';

export { reportBinding, type BindingReport } from './binding-report.ts';
export { createIsolatedGgufProvider, type IsolatedGgufProviderOptions } from './isolated.ts';
export type { GgufModelOptions, GgufProviderOptions } from './options.ts';

/** Makes a provider that runs GGUF models with llama.cpp in this process. Throws `config_invalid` for wrong options. */
export const createGgufProvider = (options: GgufProviderOptions = {}): Provider => new GgufProvider(options);
