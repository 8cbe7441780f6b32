import { watch, type FSWatcher } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '@golek/api';

/** Events come in bursts; the files are looked at so long after the first. */
const GATHER_MS = 50;
/** A file that is being written is waited for until it stays the same for so long. */
const SETTLE_MS = 50;
const MAX_SETTLES = 20;
/** Looked at also without an event, for network file systems and folders that do not exist yet. */
const POLL_MS = 5_000;

export interface FileWatchOptions {
  /** Absolute paths; asked for again after each change. */
  readonly files: () => readonly string[];
  readonly onChange: () => Promise<void>;
  readonly log: Log;
}

/**
 * Tells when files change, appear or go. Watches the folders of the files and of what they link to, since editors and Kubernetes put a new file in the place of the
 * old one. Does not keep the process alive.
 */
export class FileWatch implements AsyncDisposable {
  readonly #options: FileWatchOptions;
  readonly #folders = new Map<string, FSWatcher>();
  readonly #ending = new AbortController();
  readonly #poll: NodeJS.Timeout;
  #seen: Promise<string>;
  #scheduled: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#seen = signature(options.files());
    this.#poll = setInterval(() => this.#look(), POLL_MS).unref();
    void this.#watchFolders();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    clearInterval(this.#poll);
    clearTimeout(this.#scheduled);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
    await this.#looking;
  }

  #onEvent(): void {
    this.#scheduled ??= setTimeout(() => {
      this.#scheduled = undefined;
      this.#look();
    }, GATHER_MS).unref();
  }

  #look(): void {
    this.#again = true;
    this.#looking ??= this.#lookUntilSeen().finally(() => (this.#looking = undefined));
  }

  async #lookUntilSeen(): Promise<void> {
    while (this.#again && !this.#ending.signal.aborted) {
      this.#again = false;
      const before = await this.#seen;
      const now = await this.#settled();
      if (now === before || now === undefined) continue;
      this.#seen = Promise.resolve(now);
      try {
        await this.#options.onChange();
      } catch (err) {
        this.#options.log.error({ err }, 'a changed file could not be taken over');
      }
      await this.#watchFolders();
    }
  }

  /** The state of the files once it has stopped changing; undefined when the watch ends meanwhile. */
  async #settled(): Promise<string | undefined> {
    const files = this.#options.files();
    let last = await signature(files);
    for (let round = 0; round < MAX_SETTLES; round++) {
      const ended = await sleep(SETTLE_MS, undefined, { signal: this.#ending.signal, ref: false }).then(
        () => false,
        () => true,
      );
      if (ended) return undefined;
      const next = await signature(files);
      if (next === last) return next;
      last = next;
    }
    return last;
  }

  async #watchFolders(): Promise<void> {
    const wanted = new Set<string>();
    for (const file of this.#options.files()) {
      wanted.add(path.dirname(file));
      const target = await realpath(file).catch(() => undefined);
      if (target !== undefined) wanted.add(path.dirname(target));
    }
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    if (this.#ending.signal.aborted) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#onEvent());
      const drop = (): void => {
        watcher.close();
        if (this.#folders.get(folder) === watcher) this.#folders.delete(folder);
      };
      watcher.on('error', drop);
      this.#folders.set(folder, watcher);
    } catch (err) {
      // The regular look finds changes too, only later.
      this.#options.log.debug({ err, folder }, 'a folder cannot be watched');
    }
  }
}

/** Changes whenever one of the files does. */
const signature = async (files: readonly string[]): Promise<string> => {
  const found = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':'),
        (thrown: unknown) => (thrown as NodeJS.ErrnoException).code ?? 'error',
      ),
    ),
  );
  return found.map((one, index) => `${files[index] ?? ''}=${one}`).join('\n');
};
