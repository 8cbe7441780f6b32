import { Buffer } from 'node:buffer';
import { GolekError } from '@golek/api';
import { readPartHead, type PartHead } from './part-head.ts';

/** What the bytes of a form say: a part begins, has bytes, ends. */
export type MultipartEvent =
  | { readonly type: 'part'; readonly head: PartHead }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'end' };

/** Longest header of a part, bytes. */
const LONGEST_HEAD = 8192;
/** Most parts of a form. */
const MOST_PARTS = 32;
const HEAD_END = '\r\n\r\n';
const BOUNDARY = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;

const malformed = (message: string): GolekError =>
  new GolekError('invalid_request', `the form is malformed: ${message}`);

/** The boundary that a content type names. Throws `unsupported_media_type` for another type. */
export const boundaryOf = (contentType: string | undefined): string => {
  const [, quoted, bare] = BOUNDARY.exec(contentType ?? '') ?? [];
  const boundary = quoted ?? bare;
  if (boundary !== undefined) return boundary;
  const sent =
    contentType === undefined ? 'no content-type was sent' : `the content-type is '${contentType.slice(0, 80)}'`;
  throw new GolekError('unsupported_media_type', `${sent}; send a form as multipart/form-data with its boundary`);
};

type State = 'start' | 'head' | 'body' | 'after' | 'done';

/**
 * Reads multipart/form-data (RFC 7578) piece by piece, the pieces cut anywhere. Strict: no text before the first part or after the last, no padding. Holds no more than a
 * header or a boundary. Throws `invalid_request`.
 */
export class MultipartParser {
  readonly #first: Buffer;
  readonly #delimiter: Buffer;
  #rest: Buffer = Buffer.alloc(0);
  #state: State = 'start';
  #parts = 0;

  constructor(boundary: string) {
    this.#first = Buffer.from(`--${boundary}`);
    this.#delimiter = Buffer.from(`\r\n--${boundary}`);
  }

  /** What a piece completes; the bytes are views of it or of copies. */
  push(piece: Uint8Array): MultipartEvent[] {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const events: MultipartEvent[] = [];
    while (this.#step(events));
    return events;
  }

  /** Throws when the form is not complete. */
  finish(): void {
    if (this.#state === 'done' && (this.#rest.length === 0 || this.#rest.equals(Buffer.from('\r\n')))) return;
    if (this.#state === 'done') throw malformed('there is more after its last part');
    throw malformed('it ends before its last boundary');
  }

  /** @returns whether there may be more in what is there. */
  #step(events: MultipartEvent[]): boolean {
    switch (this.#state) {
      case 'start':
        return this.#start();
      case 'after':
        return this.#after();
      case 'head':
        return this.#head(events);
      case 'body':
        return this.#body(events);
      case 'done':
        if (this.#rest.length > 2) throw malformed('there is more after its last part');
        return false;
    }
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  #start(): boolean {
    const length = Math.min(this.#rest.length, this.#first.length);
    if (!this.#rest.subarray(0, length).equals(this.#first.subarray(0, length))) {
      throw malformed('it does not begin with the boundary that its content-type names');
    }
    if (length < this.#first.length) return false;
    this.#take(length);
    this.#state = 'after';
    return true;
  }

  #after(): boolean {
    if (this.#rest.length < 2) return false;
    const next = this.#take(2).toString('latin1');
    if (next !== '\r\n' && next !== '--') throw malformed('a boundary is followed by something else than a part');
    this.#state = next === '--' ? 'done' : 'head';
    return true;
  }

  #head(events: MultipartEvent[]): boolean {
    const end = this.#rest.indexOf(HEAD_END);
    if (end > LONGEST_HEAD || (end < 0 && this.#rest.length > LONGEST_HEAD)) {
      throw malformed(`the header of a part has more than ${LONGEST_HEAD} bytes`);
    }
    if (end < 0) return false;
    if (this.#parts === MOST_PARTS) throw malformed(`it has more than ${MOST_PARTS} parts`);
    this.#parts += 1;
    const head = readPartHead(this.#take(end).toString('utf8'));
    this.#take(HEAD_END.length);
    events.push({ type: 'part', head });
    this.#state = 'body';
    return true;
  }

  #body(events: MultipartEvent[]): boolean {
    const end = this.#rest.indexOf(this.#delimiter);
    // The end of what is there may be the beginning of a boundary.
    const length = end < 0 ? this.#rest.length - this.#delimiter.length + 1 : end;
    if (length > 0) events.push({ type: 'bytes', bytes: this.#take(length) });
    if (end < 0) return false;
    this.#take(this.#delimiter.length);
    events.push({ type: 'end' });
    this.#state = 'after';
    return true;
  }
}
