import { EventBlocks } from './event-blocks.ts';

/** What an event costs beside its text, bytes: about that of a string and its places in two arrays. */
const OVERHEAD = 64;

/** The latest events of a stream, numbered from 1; the earliest go first. */
export class EventLog {
  readonly #id: string;
  readonly #blocks = new EventBlocks();
  #texts: string[] = [];
  #sizes: number[] = [];
  /** Number of the first one kept. */
  #first = 1;
  #bytes = 0;
  /** Of those that were read, which are the first ones. */
  #readBytes = 0;
  #next = 1;

  constructor(id: string) {
    this.#id = id;
  }

  get first(): number {
    return this.#first;
  }

  /** Number of the last one; 0 when there was none. */
  get last(): number {
    return this.#first + this.#texts.length - 1;
  }

  /** Number of the one that is read next. */
  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get unreadBytes(): number {
    return this.#bytes - this.#readBytes;
  }

  /** Adds the events of an encoder's text. @returns the bytes that they take. */
  append(text: string): number {
    const before = this.#bytes;
    let number = this.last;
    for (const event of this.#blocks.take(text, () => `id: ${this.#id}:${(number += 1)}\n`)) {
      // Also makes one piece of the text, which was put together out of many.
      const size = Buffer.byteLength(event) + OVERHEAD;
      this.#texts.push(event);
      this.#sizes.push(size);
      this.#bytes += size;
    }
    return this.#bytes - before;
  }

  /** The next event; undefined when all were read. */
  read(): string | undefined {
    const index = this.#next - this.#first;
    const text = this.#texts[index];
    if (text === undefined) return undefined;
    this.#next += 1;
    this.#readBytes += this.#sizes[index] ?? 0;
    return text;
  }

  /** Goes on with this number, which must be kept or be the one after the last. */
  seek(number: number): void {
    this.#next = number;
    this.#readBytes = this.#sizes.slice(0, number - this.#first).reduce((sum, size) => sum + size, 0);
  }

  /** Where those that were read have more than so many bytes, lets go of the earliest of them, an eighth more than needed: that is done seldom then. @returns the bytes given back. */
  trim(limit: number): number {
    if (this.#readBytes <= limit) return 0;
    const before = this.#bytes;
    let count = 0;
    while (this.#readBytes > limit - limit / 8) {
      const size = this.#sizes[count] ?? 0;
      this.#bytes -= size;
      this.#readBytes -= size;
      count += 1;
    }
    if (count > 0) {
      this.#texts = this.#texts.slice(count);
      this.#sizes = this.#sizes.slice(count);
      this.#first += count;
    }
    return before - this.#bytes;
  }
}
