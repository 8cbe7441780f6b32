const EMPTY = Buffer.alloc(0);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Something that is no stream of the kind that was asked for; `excerpt` is the beginning of the line in question. */
export class MalformedStream extends Error {
  readonly excerpt: string;

  constructor(problem: string, excerpt: string) {
    super(problem);
    this.excerpt = excerpt;
  }
}

/** Throws MalformedStream for more bytes than the limit. */
export const checkLineBytes = (bytes: number, maxLineBytes: number): void => {
  if (bytes > maxLineBytes) {
    throw new MalformedStream(`a line is longer than the limit of ${maxLineBytes} bytes`, '');
  }
};

/**
 * Reads lines, ended by LF or CRLF, out of packets that may end anywhere, also in the middle of a character: a line is decoded when it is whole. Bounded by
 * `maxLineBytes`; each byte is copied at most once.
 */
export class LineReader {
  readonly #maxLineBytes: number;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** The beginning of a line that goes on in a later packet. */
  #partial: Buffer[] = [];
  #partialBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Adds a packet. Read with `next` until it gives undefined before the next one is added. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next whole line without its end; undefined when another packet is needed. Throws MalformedStream. */
  next(): string | undefined {
    if (this.#at >= this.#chunk.length) return undefined;
    const end = this.#chunk.indexOf(LINE_FEED, this.#at);
    if (end < 0) {
      this.#keep(this.#chunk.subarray(this.#at));
      this.#chunk = EMPTY;
      return undefined;
    }
    const line = this.#line(this.#at, end);
    this.#at = end + 1;
    return line;
  }

  /** After the last packet: a line that was not ended. */
  end(): string | undefined {
    this.#chunk = EMPTY;
    return this.#partialBytes > 0 ? this.#line(0, 0) : undefined;
  }

  #keep(bytes: Buffer): void {
    this.#partial.push(bytes);
    this.#partialBytes += bytes.length;
    this.#checkLength(this.#partialBytes);
  }

  #line(from: number, to: number): string {
    let bytes = this.#chunk.subarray(from, to);
    if (this.#partialBytes > 0) {
      bytes = Buffer.concat([...this.#partial, bytes]);
      this.#partial = [];
      this.#partialBytes = 0;
    }
    this.#checkLength(bytes.length);
    const end = bytes.length > 0 && bytes[bytes.length - 1] === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    return bytes.toString('utf8', 0, end);
  }

  #checkLength(bytes: number): void {
    if (bytes > this.#maxLineBytes) {
      this.#partial = [];
      this.#partialBytes = 0;
    }
    checkLineBytes(bytes, this.#maxLineBytes);
  }
}
