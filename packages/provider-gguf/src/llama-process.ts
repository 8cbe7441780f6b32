import type * as nodeLlamaCpp from 'node-llama-cpp';
import { GolekError } from '@golek/providers-spi';
import { openOwnBinary } from './binding.ts';
import { readEngineBuild } from './engine-build-info.ts';
import type { GgufProviderOptions } from './options.ts';

type Binding = typeof nodeLlamaCpp;

/** Told each line that llama.cpp reports, warnings and errors only. */
export type LogListener = (level: 'warn' | 'error', line: string) => void;

/** llama.cpp as it runs in this process. */
export interface LlamaProcess {
  readonly binding: Binding;
  readonly llama: nodeLlamaCpp.Llama;
  /** Of node-llama-cpp. */
  readonly version: string;
  readonly listeners: Set<LogListener>;
  /** Path of the own build that runs; undefined for the binary that comes with node-llama-cpp. */
  readonly binary: string | undefined;
}

type Gpu = NonNullable<GgufProviderOptions['gpu']>;

/** What llama.cpp reports of an evaluation that was interrupted because nobody wants it any more: 1 is `GGML_STATUS_ABORTED`, 2 what `llama_decode` returns then. */
const OF_INTERRUPTION =
  /graph_compute_async failed with error 1$|compute status: 1$|removing memory module entries for seq_id|failed to decode, ret = 2$/m;

/**
 * The native library has one log, one set of back ends and one clean-up for the whole process, so that a second instance would take the
 * first one's log and end its back ends. Instances are therefore shared, and end with the process.
 */
const started = new Map<string, Promise<LlamaProcess>>();

/** The build that this process has loaded: the own one of that path, or the installed one. */
let loaded: { readonly binary: string | undefined } | undefined;

/** The dynamic linker takes a library for the one of the same name that is there already: two builds in one process would be mixed. */
const refuseSecondBuild = (binary: string | undefined): void => {
  loaded ??= { binary };
  if (loaded.binary === binary) return;
  throw new GolekError(
    'model_load_failed',
    `this process runs ${loaded.binary ?? 'the installed build of llama.cpp'} already and cannot load ${binary ?? 'the installed one'} beside it; use the isolated provider for a second build`,
  );
};

/**
 * Starts llama.cpp on a back end, once in a process; `binary` is an own build of the addon. Throws `model_load_failed` when binding, binary or back end are not
 * usable here.
 */
export const llamaProcess = (gpu: Gpu, binary?: string): Promise<LlamaProcess> => {
  const key = JSON.stringify([gpu, binary]);
  let process = started.get(key);
  if (!process) {
    process = start(gpu, binary);
    started.set(key, process);
    process.catch(() => started.delete(key));
  }
  return process;
};

const start = async (gpu: Gpu, binary: string | undefined): Promise<LlamaProcess> => {
  const binding = await import('node-llama-cpp').catch((cause: unknown) => {
    throw new GolekError('model_load_failed', `node-llama-cpp cannot be loaded: ${GolekError.from(cause).message}`, {
      cause,
    });
  });
  const version = await binding.getModuleVersion();
  const listeners = new Set<LogListener>();
  const { LlamaLogLevel } = binding;
  const shared = {
    // 0: the threads of each context are what its options say.
    maxThreads: 0,
    logLevel: LlamaLogLevel.warn,
    logger: (level: nodeLlamaCpp.LlamaLogLevel, message: string): void => {
      if (OF_INTERRUPTION.test(message)) return;
      const isError = level === LlamaLogLevel.error || level === LlamaLogLevel.fatal;
      for (const listener of listeners) listener(isError ? 'error' : 'warn', message.trimEnd());
    },
  };
  if (binary !== undefined && gpu !== 'auto' && gpu !== false)
    throw new GolekError(
      'config_invalid',
      `an own build of llama.cpp is for the CPU: leave out 'binary' to use '${gpu}'`,
      {
        details: { key: 'binary' },
      },
    );
  const own = binary === undefined ? undefined : { binary, build: await readEngineBuild(binary) };
  refuseSecondBuild(binary);
  try {
    const llama = own
      ? await openOwnBinary(binding, own.binary, { build: own.build, ...shared })
      : await binding.getLlama({ gpu, build: 'never', skipDownload: true, progressLogs: false, ...shared });
    return { binding, llama, version, listeners, binary };
  } catch (cause) {
    if (cause instanceof GolekError) throw cause;
    if (binary !== undefined)
      throw new GolekError(
        'model_load_failed',
        `the own build of llama.cpp at '${binary}' cannot be loaded: ${GolekError.from(cause).message}; build it again with 'golek engine build --full', or set gguf.engine to 'prebuilt'`,
        { cause },
      );
    const where = gpu === 'auto' || gpu === false ? 'this machine' : `the back end '${gpu}' on this machine`;
    throw new GolekError(
      'model_load_failed',
      `llama.cpp has no usable binary for ${where}: ${GolekError.from(cause).message}`,
      { cause },
    );
  }
};
