import type { KeyValueStore, PutOptions, StoredValue } from '@golek/api';
import { refuseOtherRevision } from './revision.ts';

/** Keeps values until the process ends. */
export class MemoryKeyValueStore implements KeyValueStore {
  readonly name: string;
  readonly #values = new Map<string, StoredValue>();
  readonly #watchers = new Set<{ readonly prefix: string; readonly onChange: () => void }>();
  #revision = 0;

  constructor(name = 'memory') {
    this.name = name;
  }

  async get(key: string, signal: AbortSignal): Promise<StoredValue | undefined> {
    signal.throwIfAborted();
    return this.#values.get(key);
  }

  async put(key: string, value: unknown, { expected, signal }: PutOptions): Promise<StoredValue> {
    signal.throwIfAborted();
    refuseOtherRevision(key, this.#values.get(key), expected);
    const stored = { value: structuredClone(value), revision: String(++this.#revision) };
    this.#values.set(key, stored);
    this.#tell(key);
    return stored;
  }

  async delete(key: string, { expected, signal }: PutOptions): Promise<void> {
    signal.throwIfAborted();
    refuseOtherRevision(key, this.#values.get(key), expected);
    if (this.#values.delete(key)) this.#tell(key);
  }

  async list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, StoredValue>> {
    signal.throwIfAborted();
    return new Map([...this.#values].filter(([key]) => key.startsWith(prefix)));
  }

  watch(prefix: string, onChange: () => void): Disposable {
    const watcher = { prefix, onChange };
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) };
  }

  #tell(key: string): void {
    for (const { prefix, onChange } of this.#watchers) if (key.startsWith(prefix)) onChange();
  }
}
