/** Asks until it is told, and then remembers. */
export const knownOnce = <T>(ask: (signal: AbortSignal) => Promise<T>): ((signal: AbortSignal) => Promise<T>) => {
  let known: T | undefined;
  return async (signal) => (known ??= await ask(signal));
};
