import type { KeyValueStore, StoredValue } from '@golek/api';
import type { StoredSettings } from './stored-layer.ts';

/** Settings stand in a store below this. */
export const STORED_PREFIX = 'config/';

/** The settings that a store holds. */
export const readStored = async (store: KeyValueStore, signal: AbortSignal): Promise<StoredSettings> => {
  const values = new Map<string, StoredValue>();
  for (const [key, value] of await store.list(STORED_PREFIX, signal))
    values.set(key.slice(STORED_PREFIX.length), value);
  return { store: store.name, values };
};
