import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { GolekError } from '@golek/api';
import { removeStaleStaging, StagedFile, stagedWrite } from './staged-write.ts';

/** The folders inside a data folder, as paths relative to it. */
export const DATA_PLACES = [
  'db',
  'models',
  'models/blobs',
  'models/manifests',
  'models/converted',
  'engines',
  'cache',
  'logs',
  'logs/application',
  'logs/access',
  'logs/audit',
  'tmp',
  'tmp/uploads',
] as const;
export type DataPlace = (typeof DATA_PLACES)[number];

/** What is right and wrong with a data folder on this machine. */
export interface DataFolderReport {
  readonly root: string;
  readonly exists: boolean;
  /** False also when the folder does not exist and cannot be made. */
  readonly writable: boolean;
  /** False when other users of the machine can read or write it. True on systems without POSIX rights. */
  readonly private: boolean;
  /** The first problem in words, with the remedy. */
  readonly problem?: string;
}

/** Only the owner may enter: the folder holds prompts, keys and logs. */
const OWNER_ONLY = 0o700;
const OTHERS = 0o077;

/**
 * The folder in which a runtime keeps its state (GOLEK_HOME). Nothing is touched on disk before `ensure` or `write`; folders are made on
 * demand, for their owner only; every file is staged in `tmp/` and renamed into place.
 */
export class DataFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /** Where the configuration file is looked for. */
  get configFile(): string {
    return path.join(this.root, 'golek.yaml');
  }

  path(place: DataPlace): string {
    return path.join(this.root, place);
  }

  /** Makes a folder (and the data folder itself) when it is missing. Throws `config_invalid` when it cannot be used. */
  async ensure(place: DataPlace): Promise<string> {
    const folder = this.path(place);
    try {
      await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (thrown) {
      throw unusable(this.root, folder, thrown);
    }
    return folder;
  }

  /**
   * Writes a file whole or not at all, readable by its owner only. `file` is relative to the data folder; its folder is made when missing.
   * @returns the absolute path.
   */
  async write(file: string, content: string | Uint8Array): Promise<string> {
    const target = path.resolve(this.root, file);
    if (!target.startsWith(this.root + path.sep)) {
      throw new GolekError('invalid_request', `'${file}' lies outside of the data folder ${this.root}`);
    }
    const staging = await this.ensure('tmp');
    try {
      await mkdir(path.dirname(target), { recursive: true, mode: OWNER_ONLY });
      await stagedWrite({ staging, target, content });
    } catch (thrown) {
      throw unusable(this.root, target, thrown);
    }
    return target;
  }

  /** Begins a file that is written piece by piece; `StagedFile.keep` gives it its place in a folder that exists. */
  async stage(): Promise<StagedFile> {
    const staging = await this.ensure('tmp');
    return StagedFile.create(staging).catch((thrown: unknown) => {
      throw unusable(this.root, staging, thrown);
    });
  }

  /** Removes what writes that were cut off left in `tmp/` more than a day ago. @returns how many files it removed. */
  async sweep(): Promise<number> {
    return removeStaleStaging(this.path('tmp'));
  }

  /** Looks at the folder without changing it. */
  async check(): Promise<DataFolderReport> {
    const found = await stat(this.root).catch((thrown: unknown) => thrown as NodeJS.ErrnoException);
    if (found instanceof Error) {
      if (found.code !== 'ENOENT') return this.#report(true, false, true, reasonOf(this.root, found));
      const parent = await nearestFolder(path.dirname(this.root));
      const writable = await isWritable(parent);
      return this.#report(false, writable, true, writable ? undefined : `${parent} is not writable`);
    }
    if (!found.isDirectory()) return this.#report(true, false, true, 'it is a file, not a folder');
    const writable = await isWritable(this.root);
    const isPrivate = process.platform === 'win32' || (found.mode & OTHERS) === 0;
    const problem = !writable
      ? 'it is not writable by this user'
      : isPrivate
        ? undefined
        : `other users can enter it (mode ${(found.mode & 0o777).toString(8)}): run chmod 700 ${this.root}`;
    return this.#report(true, writable, isPrivate, problem);
  }

  #report(exists: boolean, writable: boolean, isPrivate: boolean, problem: string | undefined): DataFolderReport {
    return { root: this.root, exists, writable, private: isPrivate, ...(problem !== undefined && { problem }) };
  }
}

const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

const nearestFolder = async (folder: string): Promise<string> => {
  const exists = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const parent = path.dirname(folder);
  return exists || parent === folder ? folder : nearestFolder(parent);
};

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user has no right to it',
  EPERM: 'this user has no right to it',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'it is a file, not a folder',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
};

const reasonOf = (target: string, thrown: unknown): string => {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? `${target}: ${message}`;
};

const unusable = (root: string, target: string, thrown: unknown): GolekError => {
  if (thrown instanceof GolekError) return thrown;
  return new GolekError(
    'config_invalid',
    `cannot use ${target} in the data folder ${root}: ${reasonOf(target, thrown)}; choose another folder with --home or GOLEK_HOME`,
    { cause: thrown, details: { home: root } },
  );
};
