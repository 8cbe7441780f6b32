import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { packageManifest } from './package-manifest.ts';
import { nameProblem } from './plugin-name.ts';
import { TEMPLATES, type Template } from './templates.ts';

export interface CreatePluginOptions {
  /** Where the plugin comes to lie: a new folder or an empty one. */
  readonly folder: string;
  /** Name of the plugin and of its package; default: the folder's name. */
  readonly name?: string;
  /** Default `transform`. */
  readonly template?: Template;
}

export interface CreatedPlugin {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Written files, relative to the folder. */
  readonly files: readonly string[];
}

const TEMPLATE_FOLDER = path.join(import.meta.dirname, '../templates');

/** npm leaves a `.gitignore` out of a package, so that it is kept under another name here. */
const RENAMED: Readonly<Record<string, string>> = { 'gitignore.txt': '.gitignore' };

/** What stands in a folder that counts as empty. */
const IGNORED: ReadonlySet<string> = new Set(['.git']);

/** The files of a template folder: path → content. */
const filesOf = async (folder: string): Promise<Map<string, string>> => {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const target = path.join(path.relative(folder, entry.parentPath), RENAMED[entry.name] ?? entry.name);
    files.set(target, await readFile(file, 'utf8'));
  }
  return files;
};

const refuseUnlessEmpty = async (folder: string): Promise<void> => {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new Error(`'${folder}' cannot be used: ${code === 'ENOTDIR' ? 'it is a file' : String(thrown)}`, {
      cause: thrown,
    });
  }
  const [first] = entries.filter((entry) => !IGNORED.has(entry));
  if (first !== undefined) {
    throw new Error(`folder '${folder}' is not empty (it has '${first}'); choose another name or empty it`);
  }
};

/**
 * Writes a new plugin. Installs nothing and uses no network. Throws Error, with nothing written, for a name that cannot be used and for a folder that
 * is not empty.
 *
 * @example await createPlugin({ folder: './shout' });
 */
export const createPlugin = async (options: CreatePluginOptions): Promise<CreatedPlugin> => {
  const folder = path.resolve(options.folder);
  const { name = path.basename(folder), template = 'transform' } = options;
  const problem = nameProblem(name);
  if (problem !== undefined) throw new Error(`'${name}' cannot be the name of a plugin: ${problem}`);
  await refuseUnlessEmpty(folder);
  const files = new Map([
    ...(await filesOf(path.join(TEMPLATE_FOLDER, 'shared'))),
    ...(await filesOf(path.join(TEMPLATE_FOLDER, template))),
  ]);
  // Route paths and provider ids have no scope.
  const id = name.replace(/^@[^/]+\//, '');
  const about = TEMPLATES[template];
  for (const [target, content] of files) {
    files.set(target, content.replaceAll('{{name}}', name).replaceAll('{{id}}', id).replaceAll('{{about}}', about));
  }
  files.set('package.json', `${JSON.stringify(packageManifest(name, template), undefined, 2)}\n`);
  for (const [target, content] of files) {
    const file = path.join(folder, target);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content, { flag: 'wx' });
  }
  return { name, folder, files: [...files.keys()].sort() };
};
