import type { FileHandle } from 'node:fs/promises';

/** The bytes are not what they should be; the message says what is wrong, to follow "it is no usable ONNX file: ". */
export class OnnxFormatError extends Error {}

const WINDOW = 1 << 20;
/** A key and a length take at most 10 bytes each. */
const LONGEST_HEAD = 20;

/** Wire types of protocol buffers. */
export const VARINT = 0;
const FIXED64 = 1;
export const LENGTH = 2;
const FIXED32 = 5;

/**
 * Reads the fields of a protocol buffers file through a window, so that a file of any size takes the memory of what is wanted of it.
 * After `next`, the field's number, wire type, value and end are properties, and the position is at its content; who does not read the content calls `skip`.
 */
export class ProtobufFile {
  readonly size: number;
  position = 0;
  number = 0;
  wire = 0;
  /** Of a varint; signed 64 bits, exact up to 2^53. */
  value = 0;
  /** Where the content of a field with a length ends. */
  end = 0;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(handle: FileHandle, size: number, signal: AbortSignal) {
    this.#handle = handle;
    this.size = size;
    this.#signal = signal;
  }

  /** Whether the head of the next field has been read from disk; if not, `fill` is to be awaited before `next`. */
  get ready(): boolean {
    return this.#has(LONGEST_HEAD);
  }

  fill(): Promise<void> {
    return this.#fill(LONGEST_HEAD);
  }

  /** Reads the head of a field of a message that ends at `end`. */
  next(end: number): void {
    const at = this.position;
    const key = this.#varint(end);
    this.number = Math.floor(key / 8);
    this.wire = key % 8;
    if (this.number < 1 || this.number > 536_870_911) throw new OnnxFormatError(`byte ${at} begins no field`);
    switch (this.wire) {
      case VARINT:
        this.value = this.#varint(end);
        this.end = this.position;
        break;
      case FIXED64:
        this.end = this.position + 8;
        break;
      case FIXED32:
        this.end = this.position + 4;
        break;
      case LENGTH:
        this.value = this.#varint(end);
        this.end = this.position + this.value;
        break;
      default:
        throw new OnnxFormatError(`byte ${at} begins a field of the unknown kind ${this.wire}`);
    }
    if (this.end > end || this.end < this.position)
      throw new OnnxFormatError(
        end === this.size
          ? `the field at byte ${at} ends at byte ${this.end}, but the file has ${this.size} bytes: it is truncated or damaged`
          : `the field at byte ${at} reaches beyond its message: the file is damaged`,
      );
  }

  skip(): void {
    this.position = this.end;
  }

  /** Throws where the field is not of this kind. */
  expect(wire: number, what: string): void {
    if (this.wire !== wire) throw new OnnxFormatError(`${what} (before byte ${this.position}) is of the wrong kind`);
  }

  /** The content of the field as a text, which may have so many bytes. */
  async text(limit: number, what: string): Promise<string> {
    this.expect(LENGTH, what);
    const length = this.end - this.position;
    if (length > limit) throw new OnnxFormatError(`${what} has ${length} bytes; at most ${limit} are read`);
    await this.#fill(length);
    const from = this.position - this.#start;
    const bytes = this.#window.subarray(from, from + length);
    this.skip();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  }

  /** Whole numbers of a repeated field, in either of its forms. */
  async numbers(limit: number, what: string): Promise<number[]> {
    if (this.wire === VARINT) return [this.value];
    this.expect(LENGTH, what);
    const { end } = this;
    if (end - this.position > limit * 10) throw new OnnxFormatError(`${what} has more than ${limit} entries`);
    await this.#fill(end - this.position);
    const numbers: number[] = [];
    while (this.position < end) numbers.push(this.#varint(end));
    return numbers;
  }

  #varint(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#window[this.position - this.#start];
      if (byte === undefined || this.position >= end)
        throw new OnnxFormatError(`a number breaks off at byte ${this.position}: the file is truncated or damaged`);
      this.position++;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value >= 2 ** 63 ? value - 2 ** 64 : value;
    }
    throw new OnnxFormatError(`the number before byte ${this.position} has no end`);
  }

  #has(bytes: number): boolean {
    const wanted = Math.min(this.position + bytes, this.size);
    return this.position >= this.#start && wanted <= this.#start + this.#window.length;
  }

  async #fill(bytes: number): Promise<void> {
    if (this.#has(bytes)) return;
    this.#signal.throwIfAborted();
    const wanted = Math.min(Math.max(bytes, WINDOW), this.size - this.position);
    const window = Buffer.allocUnsafe(Math.max(0, wanted));
    let filled = 0;
    while (filled < window.length) {
      const { bytesRead } = await this.#handle.read(window, filled, window.length - filled, this.position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#start = this.position;
    this.#window = window.subarray(0, filled);
    if (!this.#has(bytes)) throw new OnnxFormatError('the file became shorter while it was read');
  }
}
