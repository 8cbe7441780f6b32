/** One stored value and its revision, which changes with each write. */
export interface StoredValue {
  readonly value: unknown;
  readonly revision: string;
}

/**
 * Keeps JSON values that outlive the process. Keys are paths such as `config/limits.maxTools`. Writes are atomic and durable when the promise resolves.
 */
export interface KeyValueStore {
  readonly name: string;
  get(key: string, signal: AbortSignal): Promise<StoredValue | undefined>;
  /** `expected`: the revision that must be stored now, or `null` for none; throws `conflict` otherwise. Absent: whatever is there is replaced. */
  put(
    key: string,
    value: unknown,
    options: { readonly expected?: string | null; readonly signal: AbortSignal },
  ): Promise<StoredValue>;
  delete(key: string, signal: AbortSignal): Promise<void>;
  list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, StoredValue>>;
  /** Calls back after a change under the prefix, also one of another process where the store can tell. */
  watch(prefix: string, onChange: () => void): Disposable;
}
