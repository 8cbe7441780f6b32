/** Waits so many milliseconds; `ref: false` does not keep the process alive for it. @returns false, at once, when the signal is aborted. */
export const pause = (ms: number, signal: AbortSignal, { ref = true } = {}): Promise<boolean> => {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve(true);
    }, ms);
    if (!ref) timer.unref();
    signal.addEventListener('abort', onAbort, { once: true });
  });
};
