import { cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/providers-spi';
import { bindingFolder, nodeAddonApiFolder } from './binding-sources.ts';
import { runTool } from './run-tool.ts';

/** Where a build takes everything from. */
export interface LlamaSources {
  /** Folder with the CMakeLists.txt of the addon and `llama.cpp` below it. */
  readonly folder: string;
  readonly repository: string;
  readonly release: string;
  /** Folder of node-addon-api with its headers. */
  readonly nodeAddonApi: string;
}

/** The folder of node-llama-cpp. */

export interface SourceOptions {
  /** Folder to lay the sources out in. */
  readonly work: string;
  /** A folder of llama.cpp's sources, or one with changed `addon` and, optionally, `llama.cpp` below it. Default: what node-llama-cpp brings. */
  readonly source?: string | undefined;
  /** The compiler drops stores before an instruction of AMX. */
  readonly dropsTileStores: boolean;
  readonly signal: AbortSignal;
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** Lays out the sources of the addon and of llama.cpp; nothing is downloaded. Throws `config_invalid` for a folder that holds neither. */
export const layOutSources = async ({
  work,
  source,
  dropsTileStores,
  signal,
}: SourceOptions): Promise<LlamaSources> => {
  const packaged = path.join(bindingFolder(), 'llama');
  const folder = path.join(work, 'llama');
  await mkdir(folder, { recursive: true });
  for (const part of ['CMakeLists.txt', 'addon', 'cmake', 'profiles'])
    await cp(path.join(packaged, part), path.join(folder, part), { recursive: true });
  const target = path.join(folder, 'llama.cpp');
  const own = source === undefined ? undefined : await ownSources(source);
  if (own?.addon !== undefined) await cp(own.addon, path.join(folder, 'addon'), { recursive: true, force: true });
  if (own?.llama !== undefined) await symlink(own.llama, target, 'dir');
  else {
    await runTool('git', ['clone', '--quiet', path.join(packaged, 'gitRelease.bundle'), target], { signal });
    await applyPatches(packaged, target, signal);
    if (dropsTileStores) await keepTileStores(target);
  }
  const { tag, llamaCppGithubRepo } = JSON.parse(
    await readFile(path.join(packaged, 'llama.cpp.info.json'), 'utf8'),
  ) as {
    tag: string;
    llamaCppGithubRepo: string;
  };
  const nodeAddonApi = nodeAddonApiFolder();
  // The addon's CMakeLists.txt asks Node for it, from its own folder.
  await mkdir(path.join(work, 'node_modules'));
  await symlink(nodeAddonApi, path.join(work, 'node_modules/node-addon-api'), 'dir');
  return { folder, repository: llamaCppGithubRepo, release: tag, nodeAddonApi };
};

const ownSources = async (source: string): Promise<{ llama: string | undefined; addon: string | undefined }> => {
  if (await exists(path.join(source, 'ggml/CMakeLists.txt'))) return { llama: path.resolve(source), addon: undefined };
  const addon = path.join(source, 'addon');
  const llama = path.join(source, 'llama.cpp');
  const [hasAddon, hasLlama] = await Promise.all([
    exists(path.join(addon, 'addon.cpp')),
    exists(path.join(llama, 'ggml/CMakeLists.txt')),
  ]);
  if (!hasAddon && !hasLlama)
    throw new GolekError(
      'config_invalid',
      `'${source}' holds neither llama.cpp (no ggml/CMakeLists.txt) nor an addon (no addon/addon.cpp)`,
      { details: { source } },
    );
  return { addon: hasAddon ? addon : undefined, llama: hasLlama ? path.resolve(llama) : undefined };
};

/** What node-llama-cpp changes in this release of llama.cpp; a patch that the release has already is left out. */
const applyPatches = async (packaged: string, target: string, signal: AbortSignal): Promise<void> => {
  for (const name of ['PR-22566.diff']) {
    const patch = path.join(packaged, 'patches', name);
    if (!(await exists(patch))) continue;
    const git = (...args: readonly string[]) => runTool('git', ['-C', target, 'apply', ...args, patch], { signal });
    const isThere = await git('--reverse', '--check').then(
      () => true,
      () => false,
    );
    signal.throwIfAborted();
    if (!isThere) await git();
  }
};

const LOADS = '    _tile_loadconfig(&tc);';

/** GCC up to 12 takes the stores to the tile configuration for dead; the barrier makes it keep them. */
const keepTileStores = async (target: string): Promise<void> => {
  const file = path.join(target, 'ggml/src/ggml-cpu/amx/mmq.cpp');
  const text = await readFile(file, 'utf8').catch(() => '');
  if (text.includes(LOADS))
    await writeFile(file, text.replaceAll(LOADS, `    __asm__ volatile("" ::: "memory");\n${LOADS}`));
};
