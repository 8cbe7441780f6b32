import { randomUUID } from 'node:crypto';
import { copyFile, open, readdir, rename, rm, stat } from 'node:fs/promises';
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

/** Writes beside and renames, so that a reader sees the old content or the new one, never a part, also after a power cut. */
export const stagedWrite = async ({ staging, target, content }: StagedWrite): Promise<void> => {
  const staged = path.join(staging, `${PREFIX}${randomUUID()}`);
  try {
    const file = await open(staged, 'wx', OWNER_ONLY);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staged, target).catch((thrown: unknown) => {
      if ((thrown as NodeJS.ErrnoException).code !== 'EXDEV') throw thrown;
      return renameAcross(staged, target);
    });
    await syncFolder(path.dirname(target));
  } finally {
    await rm(staged, { force: true });
  }
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
