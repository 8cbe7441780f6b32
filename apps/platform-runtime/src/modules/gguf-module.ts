import type { Log } from '@golek/plugins-api';
import { createGgufProvider, createIsolatedGgufProvider, type GgufProviderOptions } from '@golek/provider-gguf';
import { LOG, PROVIDERS, type Configuration, type SystemModule } from '@golek/system';
import { ggufConfig } from '../config/gguf-config.ts';

/** Where models run. */
export type Isolation = 'process' | 'in-process';

/** Runs GGUF models; `auto` is what `gguf.isolation: auto` means here. */
export const ggufModule = (auto: Isolation): SystemModule => ({
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
      create: (log) => create(providerOptions(configuration, log)),
    });
  },
});

const providerOptions = (configuration: Configuration, log: Log): GgufProviderOptions => {
  const { gpu, threads, contextSize, parallel, batchSize, gpuLayers, flashAttention, queueLimit } =
    configuration.get(ggufConfig);
  return {
    gpu,
    parallel,
    batchSize,
    gpuLayers,
    flashAttention,
    queueLimit,
    ...(threads !== undefined && { threads }),
    ...(contextSize !== undefined && { contextSize }),
    log,
  };
};
