import { execFile } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { GolekError } from '@golek/api';

/** What a plugin's process may do beyond computing. */
export interface Confinement {
  /** Files and folders that it may read. */
  readonly reads: readonly string[];
  /** It may open connections and listen. */
  readonly network: boolean;
  /** Limit of V8's heap, MiB. */
  readonly memoryMb: number;
  readonly watchParent: boolean;
}

/** The runtime's own copies of what plugins import. */
export interface RuntimeModules {
  /** Name → URL. */
  readonly modules: Readonly<Record<string, string>>;
  /** The folders that have to be readable for them. */
  readonly reads: readonly string[];
}

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const CONDITIONS: ReadonlySet<string> = new Set([
  ...(FROM_SOURCE ? ['@golek/source'] : []),
  'node',
  'import',
  'default',
]);

/** What an `exports` entry gives to an import. */
const target = (entry: unknown): string | undefined => {
  if (typeof entry === 'string') return entry;
  if (typeof entry !== 'object' || entry === null) return undefined;
  const chosen = Object.entries(entry).find(([condition]) => CONDITIONS.has(condition));
  return chosen && target(chosen[1]);
};

interface Manifest {
  readonly exports?: Readonly<Record<string, unknown>> | string;
  readonly main?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const entryOf = ({ exports, main = 'index.js' }: Manifest, subpath: string): string | undefined => {
  if (typeof exports === 'object') return target(subpath in exports ? exports[subpath] : exports);
  return exports ?? main;
};

/**
 * Found by reading the packages' manifests. In the confined process Node's own search would fail at the first folder that it may not look into.
 * Throws `composition_invalid` for a package that is not installed.
 */
export const runtimeModules = (): RuntimeModules => {
  const modules: Record<string, string> = {};
  const reads = new Set([import.meta.dirname]);
  const offer = (name: string, from: string, subpaths: readonly string[] = ['.']): void => {
    if (Object.hasOwn(modules, name)) return;
    const found = findPackageJSON(name, pathToFileURL(from));
    if (found === undefined) throw new GolekError('composition_invalid', `package '${name}' is not installed`);
    const file = realpathSync(found);
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    reads.add(path.dirname(file));
    for (const subpath of subpaths) {
      const entry = path.join(path.dirname(file), entryOf(manifest, subpath) ?? '');
      modules[name + subpath.slice(1)] = pathToFileURL(entry).href;
    }
    for (const dependency of Object.keys(manifest.dependencies ?? {})) offer(dependency, file);
  };
  offer('@golek/api', import.meta.filename, ['.', './plain']);
  offer('@golek/plugins-api', import.meta.filename);
  return { modules, reads: [...reads] };
};

const knows = (flag: string): boolean => process.allowedNodeEnvironmentFlags.has(flag);

/** True when this Node can take the network away from a process; Node 24 cannot. */
export const confinesNetwork = (): boolean => knows('--allow-net');

let dropping: Promise<boolean> | undefined;

/** True when a process of this Node can give a permission back. Asked of Node itself, once: only a confined process knows. */
export const dropsPermissions = (): Promise<boolean> =>
  (dropping ??= promisify(execFile)(process.execPath, ['--permission', '-p', 'typeof process.permission.drop']).then(
    ({ stdout }) => stdout.trim() === 'function',
    () => false,
  ));

/** Node's flags for a plugin's process. */
export const confinedBy = ({ reads, network, memoryMb, watchParent }: Confinement): string[] => [
  '--permission',
  ...reads.map((place) => `--allow-fs-read=${place}`),
  ...(network && confinesNetwork() ? ['--allow-net'] : []),
  // Given up by the child before it loads the plugin.
  ...(watchParent ? ['--allow-worker', '--disable-warning=PERM0006'] : []),
  // The permission model of Node 26.10 does not know of SQLite: it opens any file for writing.
  ...(knows('--no-experimental-sqlite') ? ['--no-experimental-sqlite'] : []),
  `--max-old-space-size=${memoryMb}`,
];
