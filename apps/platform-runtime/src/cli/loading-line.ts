import type { ModelStatus } from '@golek/kernel';
import { styled } from './style.ts';

const EVERY_MS = 100;
const CLEAR = '\r\u001b[K';

/** Shows on a terminal, on one line of standard error, how far a model is loaded; nothing elsewhere. Dispose to clear the line. */
export const showLoading = (name: string, status: () => ModelStatus): Disposable => {
  const stream = process.stderr;
  if (!stream.isTTY) return { [Symbol.dispose]: () => undefined };
  let shown = false;
  const timer = setInterval(() => {
    const { state, progress = 0 } = status();
    if (state !== 'loading') return;
    shown = true;
    stream.write(CLEAR + styled(stream, 'dim', `loading ${name} ${Math.floor(progress * 100)}%`));
  }, EVERY_MS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (shown) stream.write(CLEAR);
      shown = false;
    },
  };
};
