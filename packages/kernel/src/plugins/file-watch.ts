import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { Log } from '@golek/plugins-api';

/** Editors write a file in several steps; it is looked at when nothing has changed for so long, milliseconds. */
const QUIET_MS = 150;
/** … and after this at the latest. */
const PATIENCE_MS = 2_000;
const MAX_FOLDERS = 1_000;

/** Watches the folders that it is given, not what lies deeper, and tells of changed paths in batches. */
export class FileWatch implements Disposable {
  readonly #onChange: (paths: ReadonlySet<string>) => void;
  readonly #log: Log;
  readonly #watchers = new Map<string, FSWatcher>();
  #changed = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(onChange: (paths: ReadonlySet<string>) => void, log: Log) {
    this.#onChange = onChange;
    this.#log = log;
  }

  /** Watches these folders and no others. Those that do not exist are left out. */
  set(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of [...folders].slice(0, MAX_FOLDERS)) {
      if (!this.#watchers.has(folder)) this.#watch(folder);
    }
  }

  [Symbol.dispose](): void {
    this.set(new Set());
    clearTimeout(this.#quiet);
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        this.#note(name === null ? folder : path.join(folder, name));
      });
      watcher.on('error', (err) => {
        this.#log.warn({ folder, err }, 'a folder of plugins is no longer watched');
        watcher.close();
        this.#watchers.delete(folder);
        this.#note(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch (err) {
      this.#log.debug({ folder, err }, 'a folder of plugins cannot be watched');
    }
  }

  #note(changed: string): void {
    this.#changed.add(changed);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#tell(), QUIET_MS).unref();
    this.#patience ??= setTimeout(() => this.#tell(), PATIENCE_MS).unref();
  }

  #tell(): void {
    clearTimeout(this.#quiet);
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    this.#onChange(changed);
  }
}
