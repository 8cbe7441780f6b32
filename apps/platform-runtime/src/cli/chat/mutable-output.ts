import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';

/** A terminal whose line editor can be silenced while an answer is printed: keys pressed meanwhile are kept, not echoed into the answer. */
export class MutableOutput extends Writable {
  muted = false;
  readonly isTTY = true;
  readonly #terminal: WriteStream;
  readonly #onResize = (): void => void this.emit('resize');

  constructor(terminal: WriteStream) {
    super();
    this.#terminal = terminal;
    terminal.on('resize', this.#onResize);
  }

  get columns(): number {
    return this.#terminal.columns;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // Written at once, not queued behind the terminal: muting must not swallow what came before it.
    if (!this.muted) this.#terminal.write(chunk);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#terminal.off('resize', this.#onResize);
    done(error);
  }
}
