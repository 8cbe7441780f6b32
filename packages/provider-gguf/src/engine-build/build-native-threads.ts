import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GolekError } from '@golek/providers-spi';
import { BINDING_VERSION } from '../binding.ts';
import { llamaProcess } from '../llama-process.ts';
import { nodeHeaders } from '../node-headers.ts';
import { bindingFolder, nodeAddonApiFolder } from './binding-sources.ts';
import { runTool } from './run-tool.ts';

export interface BuildNativeThreadsOptions {
  /** File to be written, e.g. `threads.node`; it is replaced whole. */
  readonly file: string;
  readonly signal: AbortSignal;
  /** C++ compiler. Default `c++`. */
  readonly compiler?: string;
}

/**
 * Compiles native/threads.cc against the headers of the installed binding; takes seconds and reaches no network. Linux only. Needs git (the headers of llama.cpp are in
 * a git bundle inside node-llama-cpp) and a C++17 compiler. Throws `unsupported` for what is missing on this machine, with the compiler's words where it fails.
 */
export const buildNativeThreads = async ({
  file,
  signal,
  compiler = 'c++',
}: BuildNativeThreadsOptions): Promise<void> => {
  if (process.platform !== 'linux')
    throw new GolekError('unsupported', `the thread addon is built on Linux only, and this is ${process.platform}`);
  const node = await nodeHeaders();
  const libraries = await loadedLibraries();
  const binding = bindingFolder();
  const napi = nodeAddonApiFolder();
  const work = await mkdtemp(join(tmpdir(), 'golek-threads-'));
  try {
    const bundle = join(binding, 'llama/gitRelease.bundle');
    const source = join(work, 'source');
    const folders = ['.', 'include', 'ggml/include', 'common', 'src'];
    await runTool('git', ['clone', '--quiet', '--no-checkout', bundle, source], { signal });
    await runTool('git', ['-C', source, 'checkout', '--quiet', 'HEAD', '--', ...folders.slice(1)], { signal });
    const include = [node, napi, join(binding, 'llama/addon'), ...folders.map((folder) => join(source, folder))];
    const built = join(work, 'threads.node');
    await runTool(
      compiler,
      [
        ...['-shared', '-fPIC', '-O3', '-std=c++17', '-DNAPI_VERSION=7', '-DNODE_ADDON_API_CPP_EXCEPTIONS'],
        `-DGOLEK_BINDING_VERSION="${BINDING_VERSION}"`,
        ...include.map((folder) => `-I${folder}`),
        fileURLToPath(new URL('../../native/threads.cc', import.meta.url)),
        // By name only: at run time they are those that the binding has loaded.
        ...libraries,
        '-o',
        built,
      ],
      { signal },
    );
    await mkdir(dirname(file), { recursive: true });
    const staged = `${file}.${process.pid}`;
    await copyFile(built, staged);
    await rename(staged, file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

/** The libraries of llama.cpp that the binding uses in this process. */
const loadedLibraries = async (): Promise<string[]> => {
  await llamaProcess(false);
  const { sharedObjects } = process.report.getReport() as { sharedObjects: readonly string[] };
  const addon = sharedObjects.find((path) => basename(path) === 'llama-addon.node');
  if (addon === undefined)
    throw new GolekError('unsupported', 'the binary of node-llama-cpp was not found among the loaded libraries');
  const folder = dirname(addon);
  const wanted = /^lib(?:llama|ggml|ggml-base)(?:\.v[\d.]+)?\.so$/;
  return (await readdir(folder)).filter((name) => wanted.test(name)).map((name) => join(folder, name));
};
