const EMPTY = Buffer.alloc(0);
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Something that is no event stream; `excerpt` is the beginning of the line in question. */
export class MalformedStream extends Error {
  readonly excerpt: string;

  constructor(problem: string, excerpt: string) {
    super(problem);
    this.excerpt = excerpt;
  }
}

/**
 * Reads the data of server-sent events (WHATWG HTML, event streams) out of packets that may end anywhere, also in the middle of a
 * character: a line is decoded when it is whole. Bounded by `maxLineBytes`; each byte is copied at most once.
 *
 * Stricter than browsers: a line that is no field of an event throws, because what sends such lines is not the upstream that was asked for.
 */
export class SseReader {
  readonly #maxLineBytes: number;
  #chunk: Buffer = EMPTY;
  #at = 0;
  /** The beginning of a line that goes on in a later packet. */
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #data: string | undefined;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Adds a packet. Read with `next` until it gives undefined before the next one is added. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Data of the next whole event; undefined when another packet is needed. Throws MalformedStream. */
  next(): string | undefined {
    while (this.#at < this.#chunk.length) {
      const end = this.#chunk.indexOf(LINE_FEED, this.#at);
      if (end < 0) {
        this.#keep(this.#chunk.subarray(this.#at));
        this.#chunk = EMPTY;
        return undefined;
      }
      const line = this.#line(this.#at, end);
      this.#at = end + 1;
      const data = this.#read(line);
      if (data !== undefined) return data;
    }
    return undefined;
  }

  /** After the last packet: the data of an event that was not ended by an empty line. */
  end(): string | undefined {
    this.#chunk = EMPTY;
    if (this.#partialBytes > 0) this.#read(this.#line(0, 0));
    const data = this.#data;
    this.#data = undefined;
    return data;
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
    if (bytes <= this.#maxLineBytes) return;
    this.#partial = [];
    this.#partialBytes = 0;
    throw new MalformedStream(`a line is longer than the limit of ${this.#maxLineBytes} bytes`, '');
  }

  /** Gives the data of the event that the line ends. */
  #read(line: string): string | undefined {
    if (line === '') {
      const data = this.#data;
      this.#data = undefined;
      return data;
    }
    if (line.startsWith('data:')) {
      const value = line.charCodeAt(5) === 0x20 ? line.slice(6) : line.slice(5);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
      this.#checkLength(this.#data.length);
      return undefined;
    }
    if (/^(:|event:|id:|retry:|(event|id|retry|data)$)/.test(line)) return undefined;
    throw new MalformedStream('a line is no field of an event', line);
  }
}
