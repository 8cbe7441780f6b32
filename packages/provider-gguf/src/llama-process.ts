import type * as nodeLlamaCpp from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import { checkBindingVersion } from './binding.ts';
import type { GgufProviderOptions } from './options.ts';

type Binding = typeof nodeLlamaCpp;

/** Told each line that llama.cpp reports, warnings and errors only. */
export type LogListener = (level: 'warn' | 'error', line: string) => void;

/** llama.cpp as it runs in this process. */
export interface LlamaProcess {
  readonly binding: Binding;
  readonly llama: nodeLlamaCpp.Llama;
  readonly listeners: Set<LogListener>;
}

type Gpu = NonNullable<GgufProviderOptions['gpu']>;

/**
 * The native library has one log, one set of back ends and one clean-up for the whole process, so that a second instance would take the
 * first one's log and end its back ends. Instances are therefore shared, and end with the process.
 */
const started = new Map<Gpu, Promise<LlamaProcess>>();

/** Starts llama.cpp on a back end, once in a process. Throws `model_load_failed` when binding or back end are not usable here. */
export const llamaProcess = (gpu: Gpu): Promise<LlamaProcess> => {
  let process = started.get(gpu);
  if (!process) {
    process = start(gpu);
    started.set(gpu, process);
    process.catch(() => started.delete(gpu));
  }
  return process;
};

const start = async (gpu: Gpu): Promise<LlamaProcess> => {
  const binding = await import('node-llama-cpp').catch((cause: unknown) => {
    throw new GolekError('model_load_failed', `node-llama-cpp cannot be loaded: ${GolekError.from(cause).message}`, {
      cause,
    });
  });
  checkBindingVersion(await binding.getModuleVersion());
  const listeners = new Set<LogListener>();
  const { LlamaLogLevel } = binding;
  try {
    const llama = await binding.getLlama({
      gpu,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      // 0: the threads of each context are what its options say.
      maxThreads: 0,
      logLevel: LlamaLogLevel.warn,
      logger: (level, message) => {
        const isError = level === LlamaLogLevel.error || level === LlamaLogLevel.fatal;
        for (const listener of listeners) listener(isError ? 'error' : 'warn', message.trimEnd());
      },
    });
    return { binding, llama, listeners };
  } catch (cause) {
    const where = gpu === 'auto' || gpu === false ? 'this machine' : `the back end '${gpu}' on this machine`;
    throw new GolekError(
      'model_load_failed',
      `llama.cpp has no usable binary for ${where}: ${GolekError.from(cause).message}`,
      { cause },
    );
  }
};
