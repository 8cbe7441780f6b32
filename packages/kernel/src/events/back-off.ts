const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** Pause after so many failures before this one, milliseconds: doubles up to half a minute, with jitter so that nodes do not return at once. */
export const backOffMs = (failures: number): number =>
  Math.round(Math.min(LONGEST_MS, FIRST_MS * 2 ** failures) * (0.5 + Math.random() / 2));

/** Sleeps; ends early, without an error, when the signal is aborted. Does not keep the process alive. */
export const abortable = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    signal.addEventListener('abort', end, { once: true });
  });
