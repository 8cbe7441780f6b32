import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { GolekError, nearest } from '@golek/providers-spi';
import { BINDING_VERSION } from '../binding.ts';
import { readEngineBuild, type EngineBuild } from '../engine-build-info.ts';

/** Name of the file of an addon in the folder of its build. */
export const ADDON_FILE = 'llama-addon.node';
/** Names the build that is used. */
const ACTIVE_FILE = 'active.json';

/** A build in the folder of own engines. */
export interface OwnEngine {
  /** Name of its folder. */
  readonly name: string;
  /** Path of its addon. */
  readonly binary: string;
  readonly build: EngineBuild | undefined;
  /** Why it cannot be used here; absent when it can. */
  readonly problem?: string;
}

/** What the folder of own engines holds. */
export interface OwnEngines {
  /** The build that is used in place of the one that comes with node-llama-cpp. */
  readonly active: OwnEngine | undefined;
  readonly builds: readonly OwnEngine[];
  /** The addon for lasting threads, where one was built for this version. */
  readonly nativeThreads: string | undefined;
}

export const processorName = (): string => cpus()[0]?.model.trim() || process.arch;

/** Where the addon for lasting threads of this version and platform is, or would be. */
export const nativeThreadsFile = (folder: string): string =>
  path.join(folder, `threads-${process.platform}-${process.arch}-${BINDING_VERSION}.node`);

/** Reads what there is; a folder that does not exist holds nothing. */
export const readOwnEngines = async (folder: string): Promise<OwnEngines> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const builds = await Promise.all(names.toSorted().map((name) => ownEngine(folder, name)));
  const chosen = await activeName(folder);
  const threads = nativeThreadsFile(folder);
  return {
    builds,
    // A build that was removed by hand is told too: somebody chose it.
    active:
      chosen === undefined
        ? undefined
        : (builds.find(({ name }) => name === chosen) ?? (await ownEngine(folder, chosen))),
    nativeThreads: (await isFile(threads)) ? threads : undefined,
  };
};

/** Uses a build from the next start on; undefined: the one that comes with node-llama-cpp. Throws `config_invalid` for one that cannot be used. */
export const activateEngine = async (folder: string, name: string | undefined): Promise<void> => {
  if (name === undefined) return rm(path.join(folder, ACTIVE_FILE), { force: true });
  const { builds } = await readOwnEngines(folder);
  const found = builds.find((build) => build.name === name);
  if (!found) {
    const names = builds.map((build) => build.name);
    const hint = nearest(name, names);
    throw new GolekError(
      'config_invalid',
      `no build of llama.cpp is named '${name}'; ${hint === undefined ? `there are: ${names.join(', ') || 'none'}` : `did you mean '${hint}'?`}`,
    );
  }
  if (found.problem !== undefined)
    throw new GolekError('config_invalid', `the build '${name}' cannot be used: ${found.problem}`);
  await mkdir(folder, { recursive: true });
  const staged = path.join(folder, `${ACTIVE_FILE}.${process.pid}`);
  await writeFile(staged, `${JSON.stringify({ name })}\n`);
  await rename(staged, path.join(folder, ACTIVE_FILE));
};

const isFile = async (file: string): Promise<boolean> =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

const activeName = async (folder: string): Promise<string | undefined> => {
  const text = await readFile(path.join(folder, ACTIVE_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { name } = JSON.parse(text) as { name?: unknown };
    // A name, never a path out of the folder.
    if (typeof name === 'string' && path.basename(name) === name) return name;
  } catch {
    // As if it were empty: the message below names the file.
  }
  throw new GolekError(
    'config_invalid',
    `'${path.join(folder, ACTIVE_FILE)}' names no build; choose one with 'golek engine use'`,
  );
};

const ownEngine = async (folder: string, name: string): Promise<OwnEngine> => {
  const binary = path.join(folder, name, ADDON_FILE);
  if (!(await isFile(binary))) return { name, binary, build: undefined, problem: `there is no '${binary}'` };
  try {
    const build = await readEngineBuild(binary);
    const problem = problemOf(build);
    return { name, binary, build, ...(problem !== undefined && { problem }) };
  } catch (thrown) {
    return { name, binary, build: undefined, problem: GolekError.from(thrown).message };
  }
};

const problemOf = ({ bindingVersion, native, processor }: EngineBuild): string | undefined => {
  if (bindingVersion !== BINDING_VERSION)
    return `it was built for node-llama-cpp ${bindingVersion}, and ${BINDING_VERSION} is installed`;
  // Instructions that this processor lacks would end the engine's process.
  if (native && processor !== processorName())
    return `it was built for the processor '${processor}' alone, and this is '${processorName()}'`;
  return undefined;
};
