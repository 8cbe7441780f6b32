import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A new folder that is removed when it is disposed of, and when this program ends before. */
export class ScratchFolder implements Disposable {
  readonly path: string;

  constructor(name: string) {
    this.path = mkdtempSync(path.join(tmpdir(), `${name}-`));
    process.once('exit', this.#remove);
  }

  // A server that was ended with this program may still be writing.
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });

  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}
