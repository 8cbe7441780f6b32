import { GolekError } from '@golek/api';
import {
  chooseThreads,
  packagedNativeThreads,
  readHugePages,
  readOwnEngines,
  type BindingReport,
  type HugePages,
  type OwnEngine,
  type ThreadChoice,
} from '@golek/provider-gguf';
import { ggufConfig } from '../config/gguf-config.ts';
import { modelsConfig } from '../config/models-config.ts';
import type { PlatformSettings } from '../config/platform-config.ts';
import { engineOf, enginesFolder } from '../engines/chosen-engine.ts';
import { lifeSettings } from '../models/life-settings.ts';
import { probeBinding } from './doctor/probe-binding.ts';
import { bytesText } from './model-table.ts';
import { factLines } from './text-table.ts';

/** All about what runs GGUF models here. */
export interface EngineInfo {
  /** What llama.cpp says of itself; absent when it cannot be loaded. */
  readonly binding?: BindingReport;
  /** Why it cannot be loaded. */
  readonly problem?: string;
  /** Why the build that was chosen is not used. */
  readonly note?: string;
  readonly threads: ThreadChoice & { readonly configured?: number };
  /** Addon for lasting threads; absent where none was built here. */
  readonly nativeThreads?: string;
  readonly hugePages: HugePages;
  readonly builds: readonly OwnEngine[];
  readonly memory: { readonly limitBytes: number; readonly availableBytes: number };
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Asks llama.cpp in a child process, and reads what was built. */
export const engineInfo = async (settings: PlatformSettings, signal: AbortSignal): Promise<EngineInfo> => {
  const { configuration, data } = settings;
  const gguf = configuration.get(ggufConfig);
  const own = await readOwnEngines(enginesFolder(data.root));
  const { binary, note, nativeThreads = packagedNativeThreads() } = engineOf(gguf.engine, own);
  const answer = await probeBinding(signal, binary).then(
    (binding) => ({ binding }),
    (thrown: unknown) => {
      signal.throwIfAborted();
      return { problem: GolekError.from(thrown).message };
    },
  );
  const { threads, isolation, gpu, gpuLayers, contextSize, parallel, batchSize } = gguf;
  const { flashAttention, kvCacheType, mmap, mlock, swaFullCache, queueLimit } = gguf;
  return {
    ...answer,
    ...(note !== undefined && { note }),
    threads: { ...chooseThreads(), ...(threads !== undefined && { configured: threads }) },
    ...(typeof nativeThreads === 'string' && { nativeThreads }),
    hugePages: readHugePages(),
    builds: own.builds,
    memory: {
      limitBytes: lifeSettings(configuration.get(modelsConfig)).memoryBytes,
      availableBytes: process.availableMemory(),
    },
    settings: {
      isolation,
      gpu,
      gpuLayers,
      ...(contextSize !== undefined && { contextSize }),
      parallel,
      batchSize,
      flashAttention,
      kvCacheType,
      mmap,
      mlock,
      swaFullCache,
      queueLimit,
    },
  };
};

const buildText = ({ build, problem }: OwnEngine): string => {
  if (problem !== undefined) return `cannot be used: ${problem}`;
  return build
    ? `${build.release}, ${build.native ? 'native' : 'variants'}, ${build.compiler}, built ${build.built}`
    : '';
};

const threadsText = ({ threads, why, configured }: EngineInfo['threads']): string =>
  configured === undefined ? `${threads}: ${why}` : `${configured}: gguf.threads (without it ${threads}: ${why})`;

/** The same for people, a fact a line. */
export const engineInfoText = (info: EngineInfo): string => {
  const { binding, problem, note, threads, nativeThreads, hugePages, builds, memory, settings } = info;
  const gpu = binding?.gpus.map(({ backend, used, reason }) => `${backend}: ${used ? 'used' : (reason ?? '')}`);
  return factLines([
    ['problem', problem],
    ['note', note],
    ['llama.cpp', binding && `${binding.release} through node-llama-cpp ${binding.version}`],
    [
      'binary',
      binding &&
        `${binding.own ? 'own build' : 'prebuilt'}${binding.binary === undefined ? '' : `, ${binding.binary}`}`,
    ],
    ['back end', binding && (binding.backend === 'cpu' ? 'CPU' : `${binding.backend}: ${binding.devices.join(', ')}`)],
    ['CPU variant', binding?.cpuVariant],
    ['CPU features', binding?.features.join(' ')],
    ['GPU', gpu && (gpu.join('; ') || 'there is no back end for such a machine')],
    ['threads', threadsText(threads)],
    [
      'lasting threads',
      binding?.own ? 'kept by the own build' : (nativeThreads ?? 'not built here: golek engine build'),
    ],
    ['huge pages', `${hugePages.used ? 'yes' : 'no'}: ${hugePages.why}`],
    ['mmap, mlock', binding && `${binding.supportsMmap ? 'yes' : 'no'}, ${binding.supportsMlock ? 'yes' : 'no'}`],
    ['memory', `${bytesText(memory.availableBytes)} available, ${bytesText(memory.limitBytes)} for models`],
    [
      'settings',
      Object.entries(settings)
        .map(([key, value]) => `${key} ${String(value)}`)
        .join(', '),
    ],
    ...builds.map((build) => [`build ${build.name}`, buildText(build)] as const),
  ]);
};
