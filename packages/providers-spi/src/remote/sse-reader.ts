import { checkLineBytes, LineReader, MalformedStream } from './line-reader.ts';

/**
 * Reads the data of server-sent events (WHATWG HTML, event streams) out of packets that may end anywhere. Bounded by `maxLineBytes`, for lines and for the
 * data of one event.
 *
 * Stricter than browsers: a line that is no field of an event throws, because what sends such lines is not the upstream that was asked for.
 */
export class SseReader {
  readonly #maxLineBytes: number;
  readonly #lines: LineReader;
  #data: string | undefined;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
    this.#lines = new LineReader(maxLineBytes);
  }

  /** Adds a packet. Read with `next` until it gives undefined before the next one is added. */
  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  /** Data of the next whole event; undefined when another packet is needed. Throws MalformedStream. */
  next(): string | undefined {
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) {
      const data = this.#read(line);
      if (data !== undefined) return data;
    }
    return undefined;
  }

  /** After the last packet: the data of an event that was not ended by an empty line. */
  end(): string | undefined {
    const line = this.#lines.end();
    if (line !== undefined) this.#read(line);
    const data = this.#data;
    this.#data = undefined;
    return data;
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
      checkLineBytes(this.#data.length, this.#maxLineBytes);
      return undefined;
    }
    if (/^(:|event:|id:|retry:|(event|id|retry|data)$)/.test(line)) return undefined;
    throw new MalformedStream('a line is no field of an event', line);
  }
}
