import type { Provider } from '@golek/providers-spi';
import { isolatedProvider, type IsolationLimits } from '@golek/providers-spi/isolation';
import { HUGE_PAGE_ENVIRONMENT } from '@golek/providers-spi/machine';
import { DEFAULT_ID, GGUF_CAPABILITIES } from './capabilities.ts';
import { checkProviderOptions, type GgufProviderOptions } from './options.ts';

export interface IsolatedGgufProviderOptions extends GgufProviderOptions {
  /** Bounds of the engine processes: restarts, time limits, sizes. */
  readonly limits?: Partial<IsolationLimits>;
}

const ENVIRONMENT = {
  // A failed assertion in llama.cpp would start a debugger for its report, which keeps the process from ending for seconds.
  GGML_NO_BACKTRACE: '1',
  ...HUGE_PAGE_ENVIRONMENT,
} as const;

/**
 * Makes a provider that runs each GGUF model in a supervised process of its own: a crash, an out-of-memory kill or a malicious file
 * ends the runs of that model with `engine_crashed` and nothing else. Throws `config_invalid` for wrong options.
 */
export const createIsolatedGgufProvider = ({
  limits,
  log,
  ...settings
}: IsolatedGgufProviderOptions = {}): Provider => {
  checkProviderOptions(settings);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return isolatedProvider({
    id: settings.id ?? DEFAULT_ID,
    capabilities: GGUF_CAPABILITIES,
    module: new URL(`./engine-child.${extension}`, import.meta.url),
    exportName: 'createEngineProvider',
    options: settings,
    env: ENVIRONMENT,
    ...(settings.shareThreads !== undefined && { shareThreads: settings.shareThreads }),
    ...(log && { log }),
    ...(limits && { limits }),
  });
};
