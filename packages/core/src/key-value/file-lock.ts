import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GolekError } from '@golek/api';

/** A holder writes a small file; whoever holds for longer is gone or stuck. */
const STALE_MS = 30_000;
const WAIT_LIMIT_MS = 10_000;
const RETRY_MS = 5;
const MAX_RETRY_MS = 50;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly id: string;
}

/**
 * Runs `work` while no other process does so under the same lock file. The lock of a process that ended is taken over. Throws `conflict` when the lock is not free
 * within 10 seconds.
 */
export const withFileLock = async <T>(file: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const release = await acquire(file, signal);
  try {
    return await work();
  } finally {
    await release();
  }
};

const acquire = async (file: string, signal: AbortSignal): Promise<() => Promise<void>> => {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const own: Holder = { pid: process.pid, host: hostname(), id: randomUUID() };
  const until = Date.now() + WAIT_LIMIT_MS;
  for (let pause = RETRY_MS; ; pause = Math.min(pause * 2, MAX_RETRY_MS)) {
    signal.throwIfAborted();
    if (await create(file, own)) return () => release(file, own);
    if (await isAbandoned(file)) await clear(file);
    if (Date.now() > until) {
      throw new GolekError(
        'conflict',
        `another process writes and holds the lock ${file}; try again, or remove the lock when no process does`,
        { details: { lock: file } },
      );
    }
    // Not all at the same moment.
    await sleep(pause * (0.5 + Math.random()), undefined, { signal });
  }
};

/** A lock that was taken over for its age belongs to another. */
const release = async (file: string, own: Holder): Promise<void> => {
  if ((await holderOf(file))?.id === own.id) await rm(file, { force: true });
};

const holderOf = async (file: string): Promise<Holder | undefined> => {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Holder);
};

/** Links a file that is complete into place: a lock without its holder is never seen. */
const create = async (file: string, holder: Holder): Promise<boolean> => {
  const beside = `${file}.${holder.id}`;
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(JSON.stringify(holder));
    await handle.close();
    await link(beside, file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  } finally {
    await rm(beside, { force: true });
  }
};

const isAbandoned = async (file: string): Promise<boolean> => {
  const found = await stat(file).catch(() => undefined);
  if (!found) return false;
  if (Date.now() - found.mtimeMs > STALE_MS) return true;
  const holder = await holderOf(file);
  return holder?.host === hostname() && !isRunning(holder.pid);
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/**
 * Several may find the same lock abandoned: only one at a time removes it, and looks again first, so that nobody removes a lock that was taken meanwhile. The
 * mark of that one is removed when it is old, too: its process was killed within these few lines.
 */
const clear = async (file: string): Promise<void> => {
  const mark = `${file}.clearing`;
  try {
    await (await open(mark, 'wx', 0o600)).close();
  } catch {
    const found = await stat(mark).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(mark, { force: true });
    return;
  }
  try {
    if (await isAbandoned(file)) await rm(file, { force: true });
  } finally {
    await rm(mark, { force: true });
  }
};
