import { createRequire } from 'node:module';
import path from 'node:path';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { GolekError } from '@golek/providers-spi';
import { llamaProcess } from './llama-process.ts';

/** A GPU back end that this kind of machine could have. */
export interface GpuReport {
  readonly backend: string;
  /** Its binary for this platform is installed. */
  readonly binary: boolean;
  /** A driver for it was found. */
  readonly driver: boolean;
  readonly used: boolean;
  /** Why it is not used, for people; absent where it is. */
  readonly reason?: string;
}

/** What llama.cpp and its binding are and can use on this machine. */
export interface BindingReport {
  /** Version of node-llama-cpp. */
  readonly version: string;
  /** Release of llama.cpp. */
  readonly release: string;
  /** Path of the native addon that runs. */
  readonly binary: string | undefined;
  /** It is an own build. */
  readonly own: boolean;
  /** Back end that `gpu: 'auto'` takes. */
  readonly backend: 'cpu' | 'cuda' | 'vulkan' | 'metal';
  /** Which of the variants for processors llama.cpp took, e.g. `icelake`; undefined where the build has only one. */
  readonly cpuVariant: string | undefined;
  /** Instructions that it uses, e.g. `AVX2`. */
  readonly features: readonly string[];
  /** GPU back ends for which a binary and a driver are here. */
  readonly supported: readonly string[];
  /** GPU back ends that this kind of machine could have. */
  readonly possible: readonly string[];
  /** The same, with the reason for each that is not used. */
  readonly gpus: readonly GpuReport[];
  /** Names of the GPUs that the back end sees. */
  readonly devices: readonly string[];
  readonly supportsMmap: boolean;
  readonly supportsMlock: boolean;
  /** What llama.cpp says of the processor, e.g. `CPU : AVX2 = 1 | FMA = 1`. */
  readonly system: string;
}

export interface BindingReportOptions {
  /** An own build of the addon, as in the options of the provider. */
  readonly binary?: string | undefined;
}

/** Loads llama.cpp in this process and asks it. Throws `model_load_failed` when it cannot be loaded. An unsuitable binary may end the process. */
export const reportBinding = async ({ binary }: BindingReportOptions = {}): Promise<BindingReport> => {
  try {
    const { binding, llama } = await llamaProcess('auto', binary);
    const named = (types: readonly (string | false)[]): string[] => types.filter((type) => type !== false);
    const backend = llama.gpu === false ? ('cpu' as const) : llama.gpu;
    const supported = named(await binding.getLlamaGpuTypes('supported'));
    const possible = named(await binding.getLlamaGpuTypes('allValid'));
    const system = llama.systemInfo.trim();
    const libraries = loadedLibraries();
    const variants = libraries.map((file) => /^libggml-cpu-(\w+)\./.exec(path.basename(file))?.[1]);
    return {
      version: await binding.getModuleVersion(),
      release: llama.llamaCppRelease.release,
      binary: binary ?? libraries.find((file) => path.basename(file) === 'llama-addon.node'),
      own: binary !== undefined,
      backend,
      cpuVariant: variants.find((name) => name !== undefined),
      features: [...system.matchAll(/(\w+) = 1/g)].map(([, name = '']) => name),
      supported,
      possible,
      gpus: await Promise.all(
        possible.map((name) =>
          gpuReport(name, { own: binary !== undefined, used: name === backend, driver: supported.includes(name) }),
        ),
      ),
      devices: await llama.getGpuDeviceNames(),
      supportsMmap: llama.supportsMmap,
      supportsMlock: llama.supportsMlock,
      system,
    };
  } catch (thrown) {
    throw GolekError.from(thrown, 'model_load_failed');
  }
};

/** The native libraries of this process. */
const loadedLibraries = (): readonly string[] => {
  const { sharedObjects = [] } = process.report.getReport() as { sharedObjects?: readonly string[] };
  return sharedObjects;
};

interface GpuFacts {
  readonly own: boolean;
  readonly used: boolean;
  readonly driver: boolean;
}

const gpuReport = async (backend: string, { own, used, driver }: GpuFacts): Promise<GpuReport> => {
  const name = binaryPackage(backend);
  const binary = await hasBinary(name);
  const reason = reasonOf({ own, driver, binary, backend, name });
  return { backend, binary, driver, used, ...(!used && { reason }) };
};

const reasonOf = (facts: Omit<GpuFacts, 'used'> & { binary: boolean; backend: string; name: string }): string => {
  const { own, driver, binary, backend, name } = facts;
  if (own) return 'the own build of llama.cpp that is used is for the CPU';
  if (!driver) return `no driver for ${backend} was found`;
  if (!binary) return `its binary is not installed: the package ${name} is missing or empty`;
  return 'another back end was preferred, or it found no device that it can use';
};

/** Which package of node-llama-cpp has the binary of a back end. */
const binaryPackage = (backend: string): string => {
  const platform = { darwin: 'mac', win32: 'win' }[process.platform as string] ?? process.platform;
  return `@node-llama-cpp/${platform}-${process.arch}-${backend}`;
};

/** The package may be there without its binary: this repository puts empty ones in the place of the large ones. */
const hasBinary = async (name: string): Promise<boolean> => {
  try {
    const binding = fileURLToPath(import.meta.resolve('node-llama-cpp'));
    for (const place of createRequire(binding).resolve.paths(name) ?? []) {
      const entries = await readdir(path.join(place, name, 'bins'), { recursive: true }).catch(() => []);
      if (entries.some((entry) => entry.endsWith('.node'))) return true;
    }
  } catch {
    // Not to be resolved at all.
  }
  return false;
};
