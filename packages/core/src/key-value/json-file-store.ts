import { randomUUID } from 'node:crypto';
import { mkdirSync, watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GolekError, type KeyValueStore, type PutOptions, type StoredValue } from '@golek/api';
import type { DataFolder } from '../data-folder/data-folder.ts';
import { withFileLock } from './file-lock.ts';
import { refuseOtherRevision } from './revision.ts';

const FORMAT = 'golek-key-values-1';
const FILE = 'settings/values.json';
const GATHER_MS = 20;

/** The content of the file. */
interface Content {
  readonly format: typeof FORMAT;
  /** Rises with each write of the file. */
  readonly revision: number;
  readonly values: Readonly<Record<string, StoredValue>>;
}

const NOTHING: Content = { format: FORMAT, revision: 0, values: {} };

/**
 * Keeps values in one JSON file of the data folder, readable by its owner only. A write replaces the file whole and is on disk when its promise resolves; writers of several
 * processes take turns. A file that cannot be read is never overwritten: reading throws `config_invalid` that says what to do.
 */
export class JsonFileStore implements KeyValueStore {
  readonly name: string;
  readonly #data: DataFolder;
  readonly #file: string;

  constructor(data: DataFolder) {
    this.#data = data;
    this.#file = path.join(data.root, FILE);
    this.name = this.#file;
  }

  async get(key: string, signal: AbortSignal): Promise<StoredValue | undefined> {
    const { values } = await this.#read(signal);
    return Object.hasOwn(values, key) ? values[key] : undefined;
  }

  async list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, StoredValue>> {
    const { values } = await this.#read(signal);
    return new Map(Object.entries(values).filter(([key]) => key.startsWith(prefix)));
  }

  async put(key: string, value: unknown, { expected, signal }: PutOptions): Promise<StoredValue> {
    return this.#write(signal, ({ revision, values }) => {
      refuseOtherRevision(key, Object.hasOwn(values, key) ? values[key] : undefined, expected);
      const stored = { value, revision: `${revision + 1}-${randomUUID().slice(0, 8)}` };
      return { result: stored, values: { ...values, [key]: stored } };
    });
  }

  async delete(key: string, { expected, signal }: PutOptions): Promise<void> {
    await this.#write(signal, ({ values }) => {
      refuseOtherRevision(key, Object.hasOwn(values, key) ? values[key] : undefined, expected);
      const { [key]: _gone, ...rest } = values;
      return { result: undefined, values: rest };
    });
  }

  /** Tells of every change of the file, also by other processes. Does not keep the process alive. */
  watch(_prefix: string, onChange: () => void): Disposable {
    let scheduled: NodeJS.Timeout | undefined;
    const watcher = this.#watchFolder((name) => {
      if (name !== null && name !== path.basename(this.#file)) return;
      scheduled ??= setTimeout(() => {
        scheduled = undefined;
        onChange();
      }, GATHER_MS).unref();
    });
    return {
      [Symbol.dispose]: () => {
        clearTimeout(scheduled);
        watcher?.close();
      },
    };
  }

  /** Nothing where the data folder cannot be written: then other processes do not write either. */
  #watchFolder(onEvent: (name: string | null) => void): FSWatcher | undefined {
    const folder = path.dirname(this.#file);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const watcher = watch(folder, { persistent: false }, (_event, name) => onEvent(name));
      return watcher.on('error', () => watcher.close());
    } catch {
      return undefined;
    }
  }

  #write<T>(
    signal: AbortSignal,
    edit: (content: Content) => { readonly result: T; readonly values: Content['values'] },
  ): Promise<T> {
    return withFileLock(`${this.#file}.lock`, signal, async () => {
      const content = await this.#read(signal);
      const { result, values } = edit(content);
      const next: Content = { format: FORMAT, revision: content.revision + 1, values };
      await this.#data.write(FILE, `${JSON.stringify(next, undefined, 2)}\n`);
      return result;
    });
  }

  async #read(signal: AbortSignal): Promise<Content> {
    let text: string;
    try {
      text = await readFile(this.#file, { encoding: 'utf8', signal });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
      if (signal.aborted) throw signal.reason;
      throw this.#unreadable(thrown instanceof Error ? thrown.message : String(thrown), thrown);
    }
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (cause) {
      throw this.#unreadable('it is not valid JSON', cause);
    }
    if (!isContent(content)) throw this.#unreadable(`it is not in the format ${FORMAT}`);
    return content;
  }

  #unreadable(why: string, cause?: unknown): GolekError {
    return new GolekError(
      'config_invalid',
      `the stored settings in ${this.#file} cannot be read: ${why}. Repair the file, or move it away to start without stored settings`,
      { cause, details: { file: this.#file } },
    );
  }
}

const isContent = (value: unknown): value is Content => {
  if (typeof value !== 'object' || value === null) return false;
  const { format, revision, values } = value as Partial<Content>;
  if (format !== FORMAT || !Number.isSafeInteger(revision) || typeof values !== 'object') return false;
  return Object.values(values).every(
    (stored: unknown) => typeof (stored as Partial<StoredValue> | null)?.revision === 'string',
  );
};
