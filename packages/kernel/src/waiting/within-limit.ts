/** Waits for something that cannot be interrupted, at most `limitMs` milliseconds; then rejects with what `late` makes. */
export const withinLimit = async <T>(run: () => T | PromiseLike<T>, limitMs: number, late: () => Error): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), limitMs);
  try {
    return await Promise.race([run(), promise]);
  } finally {
    clearTimeout(timer);
  }
};
