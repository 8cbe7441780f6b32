import path from 'node:path';
import type { Log } from '@golek/plugins-api';
import { createGgufProvider, createIsolatedGgufProvider, type GgufProviderOptions } from '@golek/provider-gguf';
import { LOG, PROVIDERS, type Configuration, type SystemModule } from '@golek/system';
import { ggufConfig } from '../config/gguf-config.ts';
import { engineFor } from '../engines/chosen-engine.ts';

/** Where models run. */
export type Isolation = 'process' | 'in-process';

export interface GgufModuleOptions {
  /** What `gguf.isolation: auto` means here. */
  readonly auto: Isolation;
  /** Absolute path of the data folder, where own engines and prefix states are. */
  readonly home: string | undefined;
}

/** Runs GGUF models. */
export const ggufModule = ({ auto, home }: GgufModuleOptions): SystemModule => ({
  name: 'gguf',
  config: [ggufConfig],
  register: (registrar, { configuration }) => {
    const { isolation } = configuration.get(ggufConfig);
    const create =
      (isolation === 'auto' ? auto : isolation) === 'process' ? createIsolatedGgufProvider : createGgufProvider;
    registrar.contribute({
      to: PROVIDERS,
      name: 'gguf',
      needs: [LOG],
      create: async (log) => {
        const engine = await engineFor(home, configuration.get(ggufConfig).engine, log);
        const prefixes = home === undefined ? {} : { prefixCacheDir: path.join(home, 'cache', 'prefix') };
        return create({ ...providerOptions(configuration, log), ...engine, ...prefixes });
      },
    });
  },
});

const providerOptions = (configuration: Configuration, log: Log): GgufProviderOptions => {
  const { gpu, threads, shareThreads, contextSize, parallel, batchSize, gpuLayers, queueLimit } =
    configuration.get(ggufConfig);
  const { flashAttention, kvCacheType, mmap, mlock, swaFullCache } = configuration.get(ggufConfig);
  const { prefixSharing, prefixCacheBytes, contextOverflow, keepTokens, speculation, scheduler } =
    configuration.get(ggufConfig);
  return {
    gpu,
    shareThreads,
    parallel,
    batchSize,
    gpuLayers,
    flashAttention,
    kvCacheType,
    mmap,
    mlock,
    swaFullCache,
    queueLimit,
    prefixSharing,
    prefixCacheBytes,
    contextOverflow,
    speculation,
    scheduler,
    ...(keepTokens !== undefined && { keepTokens }),
    ...(threads !== undefined && { threads }),
    ...(contextSize !== undefined && { contextSize }),
    log,
  };
};
