const BYTES = 16 * 1024;
const MAX_LINES = 20;

/** Longest line that is kept or logged, in UTF-16 units. */
export const MAX_LINE_LENGTH = 500;

/** The end of what a process wrote, in bounded memory however much it writes. */
export class OutputTail {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    // A copy: a part of the chunk would keep the whole of it in memory.
    this.#bytes = Buffer.concat([this.#bytes.subarray(-BYTES), chunk.subarray(-BYTES)]).subarray(-BYTES);
  }

  /** The last 20 lines, each cut to 500 characters; an unfinished one is the last. */
  lines(): readonly string[] {
    return this.#bytes
      .toString('utf8')
      .split('\n')
      .map((line) => line.trimEnd().slice(0, MAX_LINE_LENGTH))
      .filter((line) => line !== '')
      .slice(-MAX_LINES);
  }
}
