import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Folder of the repository. */
export const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The fields of a package.json that checks read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly description?: string;
  readonly engines?: { readonly node?: string };
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly nx?: { readonly tags?: readonly string[] };
}

/** Paths of all files that git tracks or would track, relative to the root. */
export const repositoryFiles = (): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
    .split('\0')
    .filter(Boolean);

export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

export interface Project {
  /** Folder relative to the root. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Every package, app and tool of the workspace. */
export const projects = (): Project[] =>
  repositoryFiles()
    .filter((file) => /^(packages|apps|tools)\/[^/]+\/package\.json$/.test(file))
    .map((file) => ({ folder: path.dirname(file), manifest: JSON.parse(read(file)) as Manifest }));
