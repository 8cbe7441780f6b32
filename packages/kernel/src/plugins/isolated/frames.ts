import { deserialize, serialize } from 'node:v8';
import { GolekError } from '@golek/api/plain';

// Messages as length (4 bytes, big endian) and V8's structured-clone format. Not Node's own channel: that one gathers a message of any size
// before it shows it, so that a plugin could fill the runtime's memory.

const HEADER = 4;

/** Throws `request_too_large` for a message beyond the limit and `plugin_failed` for one that cannot be cloned. */
export const encodeFrame = (message: unknown, maxBytes: number): Buffer => {
  let body: Buffer;
  try {
    body = serialize(message);
  } catch (thrown) {
    throw new GolekError('plugin_failed', `it is not plain data: ${String(thrown)}`, { cause: thrown });
  }
  if (body.length > maxBytes) {
    throw new GolekError(
      'request_too_large',
      `${body.length} bytes are more than may cross the border of a plugin's process (maxMessageBytes: ${maxBytes})`,
    );
  }
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
};

/** Puts frames together again. Holds at most one frame and one chunk, whatever the other side sends. */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Gives the messages that a chunk completes. Throws TypeError for a frame that is too large or cannot be read. */
  *push(chunk: Buffer): Generator<{ readonly message: unknown; readonly bytes: number }> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= HEADER) {
      const length = this.#header();
      if (length > this.#maxBytes) throw new TypeError(`a message of ${length} bytes`);
      if (this.#bytes < HEADER + length) return;
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      const rest = all.subarray(HEADER + length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#bytes = rest.length;
      yield { message: plainMessage(all.subarray(HEADER, HEADER + length)), bytes: length };
    }
  }

  #header(): number {
    const [first] = this.#chunks;
    if (first && first.length >= HEADER) return first.readUInt32BE();
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all.readUInt32BE();
  }
}

const plainMessage = (body: Buffer): unknown => {
  let message: unknown;
  try {
    message = deserialize(body);
  } catch (thrown) {
    throw new TypeError(`a message that cannot be read: ${String(thrown)}`, { cause: thrown });
  }
  refuseUnlessTree(message, body.length);
  return message;
};

/**
 * The format can say "the object from before", so that a small message may stand for a value that takes for ever to walk through. A tree has
 * no more nodes than bytes. Throws TypeError for anything else, and for what is not plain data.
 */
const refuseUnlessTree = (message: unknown, bytes: number): void => {
  const open: unknown[] = [message];
  let nodes = 0;
  while (open.length > 0) {
    const value = open.pop();
    if (++nodes > bytes) throw new TypeError('a message that holds one object several times');
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    if (Array.isArray(value)) {
      if (value.length > bytes) throw new TypeError('a message with a sparse list');
      for (const item of value) open.push(item);
    } else if (Object.getPrototypeOf(value) === Object.prototype) {
      for (const key in value) open.push((value as Record<string, unknown>)[key]);
    } else throw new TypeError(`a message with a ${value.constructor.name}`);
  }
};
