import { GolekError } from '@golek/providers-spi';
import { llamaProcess } from './llama-process.ts';

/** What llama.cpp and its binding are and can use on this machine. */
export interface BindingReport {
  /** Version of node-llama-cpp. */
  readonly version: string;
  /** Release of llama.cpp. */
  readonly release: string;
  /** Back end that `gpu: 'auto'` takes. */
  readonly backend: 'cpu' | 'cuda' | 'vulkan' | 'metal';
  /** GPU back ends for which a binary and a driver are here. */
  readonly supported: readonly string[];
  /** GPU back ends that this kind of machine could have. */
  readonly possible: readonly string[];
  /** Names of the GPUs that the back end sees. */
  readonly devices: readonly string[];
  /** What llama.cpp says of the processor, e.g. `CPU : AVX2 = 1 | FMA = 1`. */
  readonly system: string;
}

/** Loads llama.cpp in this process and asks it. Throws `model_load_failed` when it cannot be loaded. An unsuitable binary may end the process. */
export const reportBinding = async (): Promise<BindingReport> => {
  try {
    const { binding, llama } = await llamaProcess('auto');
    const named = (types: readonly (string | false)[]): string[] => types.filter((type) => type !== false);
    return {
      version: await binding.getModuleVersion(),
      release: llama.llamaCppRelease.release,
      backend: llama.gpu === false ? ('cpu' as const) : llama.gpu,
      supported: named(await binding.getLlamaGpuTypes('supported')),
      possible: named(await binding.getLlamaGpuTypes('allValid')),
      devices: await llama.getGpuDeviceNames(),
      system: llama.systemInfo.trim(),
    };
  } catch (thrown) {
    throw GolekError.from(thrown, 'model_load_failed');
  }
};
