/** Runs something that cannot be interrupted; rejects with `message` when it takes longer than `limitMs` milliseconds. */
export const withinLimit = async (
  run: () => void | PromiseLike<void>,
  limitMs: number,
  message: string,
): Promise<void> => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(message)), limitMs);
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
};
