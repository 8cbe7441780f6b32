import { GolekError, type KeyValueStore } from '@golek/api';
import { abortable } from '@golek/kernel';

/** A store of a plugin may hang; changes of the configuration wait for it one after the other. */
const LIMIT_MS = 10_000;

/** The same store, with a limit on each call that holds although the store does not heed its signal. */
export const boundedStore = (store: KeyValueStore, limitMs = LIMIT_MS): KeyValueStore => {
  const within = async <T>(
    signal: AbortSignal,
    what: string,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const ending = new AbortController();
    const timer = setTimeout(() => {
      const message = `the store ${store.name} did not ${what} within ${limitMs} ms; look at it and try again`;
      ending.abort(new GolekError('deadline_exceeded', message));
    }, limitMs);
    const both = AbortSignal.any([signal, ending.signal]);
    try {
      return await abortable(call(both), both);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    name: store.name,
    get: (key, signal) => within(signal, 'read', (both) => store.get(key, both)),
    list: (prefix, signal) => within(signal, 'read', (both) => store.list(prefix, both)),
    put: (key, value, { expected, signal }) =>
      within(signal, 'write', (both) => store.put(key, value, { expected, signal: both })),
    delete: (key, { expected, signal }) =>
      within(signal, 'write', (both) => store.delete(key, { expected, signal: both })),
    watch: (prefix, onChange) => store.watch(prefix, onChange),
  };
};
