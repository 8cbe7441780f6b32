import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { GolekError } from '@golek/api';

/** A plugin that was found; nothing of it was run. */
export interface PluginEntry {
  /** `golek.name` or `name` of its package.json, else the name of its folder, else of its file without the extension. */
  readonly name: string;
  /** Absolute path of the module whose default export it is. */
  readonly file: string;
  /** Folder that it consists of; for a single file the folder that the file lies in. */
  readonly root: string;
  readonly kind: 'file' | 'folder' | 'package';
  /** Its package.json asks for a process of its own. */
  readonly isolated: boolean;
}

export interface PluginPlaces {
  /** Absolute paths. A folder that does not exist holds none. */
  readonly folders: readonly string[];
  /** Names of npm packages. */
  readonly packages: readonly string[];
  /** Where packages are looked for: in the `node_modules` of this folder and of those above it. */
  readonly packagesFrom: string;
}

/** What was found, and what looks like a plugin and is none. */
export interface FoundPlugins {
  readonly entries: readonly PluginEntry[];
  readonly problems: readonly GolekError[];
}

const MODULE = /\.m?[jt]s$/;
const NOT_A_PLUGIN = /^[._]|\.d\.m?ts$|\.(test|spec)\.m?[jt]s$/;
const INDEX_FILES = ['index.ts', 'index.mts', 'index.mjs', 'index.js'];

/** A folder with more is no folder of plugins. */
const MAX_PER_FOLDER = 1000;

const exists = async (file: string): Promise<boolean> => (await stat(file).catch(() => undefined))?.isFile() ?? false;

const invalid = (message: string, cause?: unknown): GolekError => new GolekError('plugin_invalid', message, { cause });

interface Manifest {
  readonly name?: unknown;
  readonly golek?: { readonly plugin?: unknown; readonly name?: unknown; readonly isolated?: unknown };
}

const manifestOf = async (root: string): Promise<Manifest | undefined> => {
  const file = path.join(root, 'package.json');
  if (!(await exists(file))) return undefined;
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Manifest;
  } catch (cause) {
    throw invalid(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** The plugin that a folder holds; undefined when it holds none. Throws `plugin_invalid` for a manifest that leads nowhere. */
const folderEntry = async (root: string, kind: 'folder' | 'package'): Promise<PluginEntry | undefined> => {
  const manifest = await manifestOf(root);
  const golek = manifest?.golek;
  const name = textOf(golek?.name) ?? textOf(manifest?.name) ?? path.basename(root);
  const named = textOf(golek?.plugin);
  if (named === undefined) {
    if (kind === 'package') return undefined;
    for (const index of INDEX_FILES) {
      const file = path.join(root, index);
      if (await exists(file)) return { name, file, root, kind, isolated: golek?.isolated === true };
    }
    return undefined;
  }
  const file = path.resolve(root, named);
  if (!file.startsWith(root + path.sep)) {
    throw invalid(
      `golek.plugin of ${path.join(root, 'package.json')} is '${named}', which lies outside of the package`,
    );
  }
  if (!(await exists(file))) {
    throw invalid(
      `golek.plugin of ${path.join(root, 'package.json')} is '${named}', which does not exist; build the plugin`,
    );
  }
  return { name, file, root, kind, isolated: golek?.isolated === true };
};

/** Packages of a `node_modules` folder, scoped ones too. */
const installedIn = async (modules: string): Promise<string[]> => {
  const names = await readdir(modules).catch(() => []);
  const nested = await Promise.all(
    names.map(async (name) => {
      if (name.startsWith('.')) return [];
      if (!name.startsWith('@')) return [path.join(modules, name)];
      const scoped = await readdir(path.join(modules, name)).catch(() => []);
      return scoped.map((inner) => path.join(modules, name, inner));
    }),
  );
  return nested.flat();
};

const isFolder = async (folder: string): Promise<boolean> =>
  (await stat(folder).catch(() => undefined))?.isDirectory() ?? false;

/** Each place of a plugin in a folder, as a function that looks at it. */
const candidatesIn = async (folder: string): Promise<(() => Promise<PluginEntry | undefined>)[]> => {
  const names = (await readdir(folder).catch(() => [])).sort();
  const shown = names.filter((name) => !NOT_A_PLUGIN.test(name) && name !== 'node_modules');
  if (shown.length > MAX_PER_FOLDER) {
    throw invalid(`${folder} holds ${shown.length} files, more than ${MAX_PER_FOLDER}; it is no folder of plugins`);
  }
  const own = shown.map((name) => async (): Promise<PluginEntry | undefined> => {
    const place = path.join(folder, name);
    if (await isFolder(place)) return folderEntry(place, 'folder');
    if (!MODULE.test(name)) return undefined;
    return { name: name.replace(MODULE, ''), file: place, root: folder, kind: 'file', isolated: false };
  });
  const installed = await installedIn(path.join(folder, 'node_modules'));
  return [...own, ...installed.sort().map((place) => () => folderEntry(place, 'package'))];
};

const packageEntry = async (name: string, from: string): Promise<PluginEntry> => {
  const paths = createRequire(path.join(from, 'package.json')).resolve.paths(name) ?? [];
  for (const modules of paths) {
    const root = path.join(modules, name);
    if (!(await exists(path.join(root, 'package.json')))) continue;
    const entry = await folderEntry(root, 'package');
    if (entry) return entry;
    throw invalid(
      `the package '${name}' (plugins.packages) in ${root} is no plugin: its package.json has no golek.plugin`,
    );
  }
  throw invalid(
    `the package '${name}' (plugins.packages) is not installed; looked for from ${from}: npm install ${name}`,
  );
};

/** Looks for plugins: modules and folders in the given folders, packages with `golek.plugin` in their `node_modules`, and the given packages. Runs nothing. */
export const discoverPlugins = async ({ folders, packages, packagesFrom }: PluginPlaces): Promise<FoundPlugins> => {
  const entries = new Map<string, PluginEntry>();
  const problems: GolekError[] = [];
  const take = async (find: () => Promise<PluginEntry | undefined>): Promise<void> => {
    try {
      const entry = await find();
      if (!entry) return;
      const other = entries.get(entry.name);
      if (!other) entries.set(entry.name, entry);
      else if (other.file !== entry.file) {
        throw invalid(`two plugins are named '${entry.name}': ${other.file} and ${entry.file}; remove or rename one`);
      }
    } catch (thrown) {
      problems.push(GolekError.from(thrown, 'plugin_invalid'));
    }
  };
  for (const folder of folders) {
    const candidates = await candidatesIn(folder).catch((thrown: unknown) => {
      problems.push(GolekError.from(thrown, 'plugin_invalid'));
      return [];
    });
    for (const candidate of candidates) await take(candidate);
  }
  for (const name of packages) await take(() => packageEntry(name, packagesFrom));
  return { entries: [...entries.values()], problems };
};
