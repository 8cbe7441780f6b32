import { styled } from '../style.ts';

const EVERY_MS = 200;
const CLEAR = '\r\u001b[K';

/** Shows how far a command is. Dispose to clear the line. */
export interface LineProgress extends Disposable {
  /** A line is done; `bytes` of the input with it. */
  done(bytes: number): void;
  /** Writes a remark above the line. */
  note(text: string): void;
}

const duration = (seconds: number): string => {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
};

/** `1,234 lines, 56.7/s, 12%, 1 min 5 s left`. */
export const progressText = (lines: number, seconds: number, part: number | undefined): string => {
  const rate = seconds > 0 ? lines / seconds : 0;
  const all = [`${lines.toLocaleString('en')} lines`, `${rate.toFixed(rate < 100 ? 1 : 0)}/s`];
  if (part !== undefined && part > 0) {
    const left = (seconds * (1 - part)) / part;
    all.push(`${Math.floor(part * 100)}%`, `${duration(left)} left`);
  }
  return all.join(', ');
};

/** On a terminal one line of standard error, where `quiet` says that the output does not go there as well; the time left only where the size of the input is known. */
export const showLineProgress = (totalBytes: number | undefined, quiet: boolean): LineProgress => {
  const stream = process.stderr;
  const remark = (text: string): void => void stream.write(`${styled(stream, 'dim', `golek: ${text}`)}\n`);
  if (!stream.isTTY || !quiet) return { done: () => undefined, note: remark, [Symbol.dispose]: () => undefined };
  let startedAt: number | undefined;
  let lines = 0;
  let bytes = 0;
  let isShown = false;
  const clear = (): void => {
    if (isShown) stream.write(CLEAR);
    isShown = false;
  };
  const timer = setInterval(() => {
    if (startedAt === undefined) return;
    const part = totalBytes === undefined ? undefined : Math.min(1, bytes / totalBytes);
    const text = progressText(lines, (performance.now() - startedAt) / 1000, part);
    stream.write(CLEAR + styled(stream, 'dim', text));
    isShown = true;
  }, EVERY_MS);
  return {
    done: (position) => {
      // The first answer waits for the model to be loaded: it says nothing about the rate.
      startedAt ??= performance.now();
      lines += 1;
      bytes = position;
    },
    note: (text) => {
      clear();
      remark(text);
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      clear();
    },
  };
};
