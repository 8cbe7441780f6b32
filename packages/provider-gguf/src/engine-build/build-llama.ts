import { cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';
import { BINDING_VERSION } from '../binding.ts';
import { BUILD_FILE, type EngineBuild } from '../engine-build-info.ts';
import { createIsolatedGgufProvider } from '../isolated.ts';
import { nodeHeaders } from '../node-headers.ts';
import { ADDON_FILE, processorName } from './engine-folder.ts';
import { layOutSources, type LlamaSources } from './llama-sources.ts';
import { runTool, toolVersion, type ToolRun } from './run-tool.ts';

export interface BuildLlamaOptions {
  /** Folder of own engines; the build becomes a folder in it. */
  readonly folder: string;
  /** Model file that the build has to load and answer with before it counts. */
  readonly model: string;
  /** Folder of changed sources: see `layOutSources`. Default: the sources inside node-llama-cpp. */
  readonly source?: string;
  /** For this processor alone. Default: variants for all processors of the architecture, of which llama.cpp takes the best. */
  readonly native?: boolean;
  /** Compilers at once. Default 1. */
  readonly jobs?: number;
  readonly signal: AbortSignal;
  /** Told what happens: a step, or a line of a program. */
  readonly onProgress?: (line: string) => void;
}

/** A finished build, checked on this machine. */
export interface BuiltLlama {
  /** Name of its folder. */
  readonly name: string;
  readonly binary: string;
  readonly build: EngineBuild;
}

/** GCC up to this release drops stores that AMX needs. */
const LAST_GCC_WITHOUT_BARRIER = 12;

/**
 * Builds llama.cpp and the addon of node-llama-cpp from sources on this machine; takes many minutes and downloads nothing. Throws `unsupported` for what is missing, naming
 * the tool and its Debian package, `config_invalid` for a wrong folder of sources, `model_load_failed` for a build that does not answer. What was there before stays.
 */
export const buildLlama = async (options: BuildLlamaOptions): Promise<BuiltLlama> => {
  const { folder, source, native = false, jobs = 1, signal, onProgress = () => undefined } = options;
  if (process.platform === 'win32')
    throw new GolekError('unsupported', 'own builds of llama.cpp are made on Linux and macOS only');
  onProgress('looking for the tools');
  const headers = await nodeHeaders();
  await toolVersion('cmake', { signal });
  if (source === undefined) await toolVersion('git', { signal });
  const generator = await chooseGenerator(signal);
  const compiler = await toolVersion('c++', { signal });
  await mkdir(folder, { recursive: true });
  // Beside its place: the last step is a rename.
  const work = await mkdtemp(path.join(folder, '.build-'));
  try {
    onProgress('laying out the sources');
    const dropsTileStores = await isOldGcc(compiler, signal);
    const sources = await layOutSources({ work, source, dropsTileStores, signal });
    const build: EngineBuild = {
      bindingVersion: BINDING_VERSION,
      repository: sources.repository,
      release: sources.release,
      native,
      processor: processorName(),
      compiler,
      built: new Date().toISOString(),
      ...(source !== undefined && { source: path.resolve(source) }),
    };
    const output = path.join(work, 'build');
    const run: ToolRun = { signal, onLine: onProgress };
    onProgress('configuring');
    await runTool('cmake', configureArguments(sources, { output, headers, native, generator }), run);
    onProgress('compiling');
    await runTool('cmake', ['--build', output, '--target', 'llama-addon', '--parallel', String(jobs)], run);
    const staged = await stage(output, path.join(work, 'stage'), build);
    onProgress('checking the build with a model');
    await check(path.join(staged, ADDON_FILE), options.model, signal);
    const name = nameOf(build);
    const place = path.join(folder, name);
    await rm(place, { recursive: true, force: true });
    await rename(staged, place);
    return { name, binary: path.join(place, ADDON_FILE), build };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

const nameOf = ({ release, native, source }: EngineBuild): string =>
  [`llama.cpp-${release}`, native ? 'native' : 'variants', ...(source === undefined ? [] : ['own-sources'])].join('-');

/** Ninja where it is installed, else make. */
const chooseGenerator = async (signal: AbortSignal): Promise<string> => {
  const hasNinja = await toolVersion('ninja', { signal }).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  if (hasNinja) return 'Ninja';
  await toolVersion('make', { signal });
  return 'Unix Makefiles';
};

const isOldGcc = async (compiler: string, signal: AbortSignal): Promise<boolean> => {
  if (/clang/i.test(compiler)) return false;
  const [version = ''] = await runTool('c++', ['-dumpversion'], { signal });
  return Number.parseInt(version, 10) <= LAST_GCC_WITHOUT_BARRIER;
};

interface Configuration {
  readonly output: string;
  /** Folder of Node's headers. */
  readonly headers: string;
  readonly native: boolean;
  readonly generator: string;
}

/** As node-llama-cpp configures its own builds: nothing of llama.cpp that reaches a network, and every library beside the addon. */
const configureArguments = (
  { folder, nodeAddonApi }: LlamaSources,
  { output, headers, native, generator }: Configuration,
): string[] => {
  const isApple = process.platform === 'darwin';
  const platform = `${isApple ? 'mac' : process.platform}-${process.arch}`;
  const variants = native
    ? { GGML_NATIVE: 'ON' }
    : { GGML_NATIVE: 'OFF', GGML_CPU_ALL_VARIANTS: 'ON', GGML_BACKEND_DL: 'ON' };
  const settings: Readonly<Record<string, string>> = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_CONFIGURATION_TYPES: 'Release',
    CMAKE_JS_INC: `${headers};${nodeAddonApi}`,
    NLC_CURRENT_PLATFORM: platform,
    NLC_TARGET_PLATFORM: platform,
    // Other names than those of the libraries that come with node-llama-cpp.
    NLC_VARIANT: 'golek',
    ...variants,
    GGML_METAL: isApple && process.arch === 'arm64' ? 'ON' : 'OFF',
    GGML_CCACHE: 'OFF',
    GGML_BUILD_NUMBER: '1',
    LLAMA_CURL: 'OFF',
    LLAMA_HTTPLIB: 'OFF',
    LLAMA_BUILD_BORINGSSL: 'OFF',
    LLAMA_OPENSSL: 'OFF',
    // Node resolves N-API's symbols when it loads the addon.
    ...(isApple && { CMAKE_SHARED_LINKER_FLAGS: '-undefined dynamic_lookup' }),
  };
  return [
    '-S',
    folder,
    '-B',
    output,
    '-G',
    generator,
    ...Object.entries(settings).map(([key, value]) => `-D${key}=${value}`),
  ];
};

const LIBRARY = /\.(?:so|dylib|metal|metallib)(?:\.|$)/;

/** Puts the addon, its libraries and what they are into one folder. */
const stage = async (output: string, target: string, build: EngineBuild): Promise<string> => {
  await mkdir(target);
  let hasAddon = false;
  for (const place of ['.', 'Release', 'bin', 'llama.cpp/bin']) {
    const names = await readdir(path.join(output, place)).catch(() => []);
    for (const name of names) {
      if (name !== ADDON_FILE && !LIBRARY.test(name)) continue;
      hasAddon ||= name === ADDON_FILE;
      await cp(path.join(output, place, name), path.join(target, name), { verbatimSymlinks: true, recursive: true });
    }
  }
  if (!hasAddon) throw new GolekError('unsupported', `the build made no '${ADDON_FILE}' in '${output}'`);
  await writeFile(path.join(target, BUILD_FILE), `${JSON.stringify(build, undefined, 2)}\n`);
  return target;
};

const CHECK_MS = 120_000;

/** In a process of its own: a bad build may end it. */
const check = async (binary: string, model: string, caller: AbortSignal): Promise<void> => {
  const signal = AbortSignal.any([caller, AbortSignal.timeout(CHECK_MS)]);
  try {
    await using provider = createIsolatedGgufProvider({
      binary,
      gpu: false,
      threads: 1,
      parallel: 1,
      contextSize: 256,
    });
    const session = await provider.open({ name: 'check', location: model }, { signal });
    const input = { type: 'text' as const, prompt: 'Once upon a time' };
    const request = { task: 'generate' as const, model: 'check', input, maxTokens: 8, sampling: { temperature: 0 } };
    let text = '';
    for await (const event of session.run(request, { id: 'check', signal }))
      if (event.type === 'text') text += event.text;
    if (text === '') throw new GolekError('model_load_failed', 'it answered nothing');
  } catch (cause) {
    if (caller.aborted) throw GolekError.from(caller.reason, 'cancelled');
    throw new GolekError('model_load_failed', `the new build does not work: ${GolekError.from(cause).message}`, {
      cause,
    });
  }
};
