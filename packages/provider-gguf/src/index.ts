import type { Provider } from '@golek/providers-spi';
import type { GgufProviderOptions } from './options.ts';
import { GgufProvider } from './provider.ts';

export { reportBinding, type BindingReport, type GpuReport } from './binding-report.ts';
export { buildNativeThreads } from './engine-build/build-native-threads.ts';
export { chooseThreads, readHugePages, type HugePages, type ThreadChoice } from '@golek/providers-spi/machine';
export { buildLlama, type BuildLlamaOptions, type BuiltLlama } from './engine-build/build-llama.ts';
export {
  activateEngine,
  nativeThreadsFile,
  readOwnEngines,
  type OwnEngine,
  type OwnEngines,
} from './engine-build/engine-folder.ts';
export type { EngineBuild } from './engine-build-info.ts';
export { createIsolatedGgufProvider, type IsolatedGgufProviderOptions } from './isolated.ts';
export { packagedNativeThreads } from './native-threads.ts';
export type { GgufModelOptions, GgufProviderOptions } from './options.ts';

/** Makes a provider that runs GGUF models with llama.cpp in this process. Throws `config_invalid` for wrong options. */
export const createGgufProvider = (options: GgufProviderOptions = {}): Provider => new GgufProvider(options);
