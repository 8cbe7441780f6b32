import { randomUUID } from 'node:crypto';
import { copyFile, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

const OWNER_ONLY = 0o600;
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;
const PREFIX = 'staged-';

export interface StagedWrite {
  /** Existing folder for the unfinished file, best on the target's file system. */
  readonly staging: string;
  readonly target: string;
  readonly content: string | Uint8Array;
}

/** A file in the making, readable by its owner only. One of `keep` and `discard` ends it. */
export class StagedFile {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(staged: string, file: FileHandle) {
    this.#path = staged;
    this.#file = file;
  }

  /** `staging`: existing folder for the unfinished file, best on the target's file system. */
  static async create(staging: string): Promise<StagedFile> {
    const staged = path.join(staging, `${PREFIX}${randomUUID()}`);
    return new StagedFile(staged, await open(staged, 'wx', OWNER_ONLY));
  }

  async write(content: string | Uint8Array): Promise<void> {
    await this.#file.writeFile(content);
  }

  /** Gives it its name: a reader sees what was there before or all of it, never a part, also after a power cut. */
  async keep(target: string): Promise<void> {
    try {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#path, target).catch((thrown: unknown) => {
        if ((thrown as NodeJS.ErrnoException).code !== 'EXDEV') throw thrown;
        return renameAcross(this.#path, target);
      });
      await syncFolder(path.dirname(target));
    } finally {
      await this.discard();
    }
  }

  /** Lets go of it. Nothing happens after `keep`. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

/** Writes a whole file as `StagedFile` does. */
export const stagedWrite = async ({ staging, target, content }: StagedWrite): Promise<void> => {
  await using undo = new AsyncDisposableStack();
  const file = await StagedFile.create(staging);
  undo.defer(() => file.discard());
  await file.write(content);
  await file.keep(target);
};

/** Without this a power cut may undo the rename. Windows does not open folders, and does not need it. */
const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return;
  await using opened = await open(folder);
  await opened.sync();
};

/** A folder inside the data folder may be a mount of its own; rename works within one file system only. */
const renameAcross = async (staged: string, target: string): Promise<void> => {
  const beside = path.join(path.dirname(target), `.${PREFIX}${randomUUID()}`);
  try {
    await copyFile(staged, beside);
    await rename(beside, target);
  } finally {
    await rm(beside, { force: true });
  }
};

/** Removes staged files that no running process can still be writing. A missing folder has none. */
export const removeStaleStaging = async (staging: string, olderThanMs = STALE_AFTER_MS): Promise<number> => {
  const names = await readdir(staging).catch(() => []);
  let removed = 0;
  for (const name of names.filter((candidate) => candidate.startsWith(PREFIX))) {
    const file = path.join(staging, name);
    const found = await stat(file).catch(() => undefined);
    if (!found || Date.now() - found.mtimeMs < olderThanMs) continue;
    await rm(file, { force: true });
    removed += 1;
  }
  return removed;
};
