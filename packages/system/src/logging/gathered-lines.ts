import { write, writeSync } from 'node:fs';
import { isoTime } from './iso-time.ts';

/** Lines are written together from so many UTF-16 units on, or after the interval: a write for each line costs more than making it. */
const BATCH = 65_536;
const FLUSH_MS = 250;
/** What waits for a reader that does not keep up, UTF-16 units; further lines are dropped and counted. */
const MAX_WAITING = 4 * 1024 * 1024;
/** A reader whose pipe is full is tried again after this long, milliseconds; at the exit so many times. */
const RETRY_MS = 50;
const EXIT_TRIES = 20;

const isBusy = ({ code }: NodeJS.ErrnoException): boolean => code === 'EAGAIN' || code === 'EBUSY';

/**
 * Lines to a file descriptor, many in one write, at the latest after a quarter of a second and at the exit of the process. pino's own destination measures all that it has gathered
 * again for each line: 4 µs and 15 KB of garbage a line.
 */
export class GatheredLines {
  readonly #fd: number;
  #text = '';
  /** Given to the system and not acknowledged yet; empty: none. */
  #rest: Buffer = Buffer.alloc(0);
  /** The system works on `#rest`. */
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;
  /** The reader is gone for good. */
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
    process.once('exit', () => this.#writeRest());
  }

  write(line: string): void {
    if (this.#closed) return;
    if (this.#text.length > MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#text += line;
    if (this.#text.length >= BATCH) this.#pass();
    else this.#timer ??= setTimeout(() => this.#pass(), FLUSH_MS).unref();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rest.length > 0 || this.#text === '') return;
    this.#rest = Buffer.from(this.#taken());
    this.#send();
  }

  #taken(): string {
    const text = this.#dropped === 0 ? this.#text : `${this.#text}${droppedLine(this.#dropped)}`;
    this.#text = '';
    this.#dropped = 0;
    return text;
  }

  #send(): void {
    this.#writing = true;
    write(this.#fd, this.#rest, (error, written) => {
      this.#writing = false;
      if (error && isBusy(error)) {
        setTimeout(() => this.#send(), RETRY_MS).unref();
        return;
      }
      if (error) {
        this.#closed = true;
        this.#text = '';
        this.#rest = Buffer.alloc(0);
        return;
      }
      this.#rest = this.#rest.subarray(written);
      if (this.#rest.length > 0) this.#send();
      else if (this.#text.length >= BATCH) this.#pass();
      else if (this.#text !== '') this.#timer ??= setTimeout(() => this.#pass(), FLUSH_MS).unref();
    });
  }

  /** At the exit: what the system works on is written by its thread. */
  #writeRest(): void {
    if (this.#closed) return;
    let rest = Buffer.concat([...(this.#writing ? [] : [this.#rest]), Buffer.from(this.#taken())]);
    for (let tries = 0; rest.length > 0 && tries < EXIT_TRIES;) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (thrown) {
        if (!isBusy(thrown as NodeJS.ErrnoException)) return;
        tries += 1;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }
}

const droppedLine = (count: number): string =>
  `{"level":40${isoTime()},"dropped":${count},"msg":"log lines were dropped: what reads the log does not keep up"}\n`;
