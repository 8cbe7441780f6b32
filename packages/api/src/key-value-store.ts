/** One stored value and its revision, which changes with each write. */
export interface StoredValue {
  readonly value: unknown;
  readonly revision: string;
}

export interface PutOptions {
  /** The revision that must be stored now, or `null` for none. Absent: whatever is there is replaced. */
  readonly expected?: string | null | undefined;
  readonly signal: AbortSignal;
}

/**
 * Keeps JSON values that outlive the process. Keys are paths such as `config/limits.maxTools`. Writes are atomic and durable when the promise resolves; `put` and
 * `delete` throw `conflict` when another revision than the expected one is stored.
 */
export interface KeyValueStore {
  readonly name: string;
  get(key: string, signal: AbortSignal): Promise<StoredValue | undefined>;
  put(key: string, value: unknown, options: PutOptions): Promise<StoredValue>;
  /** A key that is not there is no error, unless a revision was expected. */
  delete(key: string, options: PutOptions): Promise<void>;
  list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, StoredValue>>;
  /** Calls back after a change under the prefix, also one of another process where the store can tell. */
  watch(prefix: string, onChange: () => void): Disposable;
}
