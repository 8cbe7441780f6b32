import type { Readable } from 'node:stream';
import type { Log } from '@golek/api';
import { MAX_LINE_LENGTH, OutputTail } from './output-tail.ts';

const BYTES_PER_SECOND = 8 * 1024 * 1024;
const LOGGED_LINES_PER_SECOND = 50;

type Level = 'debug' | 'warn' | 'error';

/** The level of a line that a provider in an engine process wrote as `warn: …` or `error: …`. */
export const levelOfLine = (line: string): Level =>
  line.startsWith('warn: ') ? 'warn' : line.startsWith('error: ') ? 'error' : 'debug';

/**
 * Reads what a process prints: keeps the last lines, writes lines to the log (level debug, or what `levelOf` says). A flood is slowed down at its
 * source: beyond 8 MiB in a second the pipe is not read until the next one, beyond 50 lines the log says only how much more there was.
 */
export class EngineOutput {
  readonly #tail = new OutputTail();
  readonly #log: Log | undefined;
  readonly #fields: object;
  readonly #what: string;
  readonly #levelOf: (line: string) => Level;
  readonly #stream: Readable;
  /** Within this second. */
  #bytes = 0;
  #logged = 0;
  #leftOut = 0;
  /** A line whose end has not come yet. */
  #line = '';
  #second: NodeJS.Timeout | undefined;

  constructor(
    stream: Readable,
    log: Log | undefined,
    fields: object,
    what = 'engine output',
    levelOf: (line: string) => Level = () => 'debug',
  ) {
    this.#stream = stream;
    this.#log = log;
    this.#fields = fields;
    this.#what = what;
    this.#levelOf = levelOf;
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    // A broken pipe ends with the process, whose exit is what is handled.
    stream.on('error', () => undefined);
  }

  lines(): readonly string[] {
    return this.#tail.lines();
  }

  /** The process has ended: reads what is left in the pipe. */
  drain(): void {
    clearTimeout(this.#second);
    this.#second = undefined;
    this.#bytes = -Infinity;
    this.#stream.resume();
  }

  /** Lets go of the pipe, which a grandchild may hold open. */
  close(): void {
    clearTimeout(this.#second);
    this.#stream.destroy();
  }

  #take(chunk: Buffer): void {
    this.#second ??= setTimeout(() => this.#nextSecond(), 1_000).unref();
    this.#tail.push(chunk);
    if (this.#log) this.#write(chunk, this.#log);
    this.#bytes += chunk.length;
    if (this.#bytes > BYTES_PER_SECOND) this.#stream.pause();
  }

  #write(chunk: Buffer, log: Log): void {
    let start = 0;
    while (this.#logged < LOGGED_LINES_PER_SECOND) {
      const end = chunk.indexOf('\n', start);
      this.#line += chunk.toString('utf8', start, Math.min(end < 0 ? chunk.length : end, start + MAX_LINE_LENGTH));
      if (end < 0) {
        this.#line = this.#line.slice(0, MAX_LINE_LENGTH);
        return;
      }
      start = end + 1;
      const line = this.#line.slice(0, MAX_LINE_LENGTH).trimEnd();
      this.#line = '';
      if (line === '') continue;
      this.#logged++;
      log[this.#levelOf(line)]({ ...this.#fields, line }, this.#what);
    }
    this.#leftOut += chunk.length - start;
  }

  #nextSecond(): void {
    const bytes = this.#leftOut;
    if (bytes > 0) this.#log?.debug({ ...this.#fields, bytes }, `${this.#what} was left out of the log`);
    this.#second = undefined;
    this.#bytes = 0;
    this.#logged = 0;
    this.#leftOut = 0;
    this.#stream.resume();
  }
}
