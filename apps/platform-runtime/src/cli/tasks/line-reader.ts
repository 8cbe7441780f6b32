import { GolekError } from '@golek/api';

/** Longest line, bytes: a line is held as a whole. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\uFEFF';

export interface TextLine {
  /** From 1 on. */
  readonly number: number;
  /** Without its end; undefined where it is no UTF-8. */
  readonly text: string | undefined;
  /** Bytes of the input up to its end. */
  readonly bytes: number;
}

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** Lines as they come; a last one without an end counts. Throws `invalid_request` for a line that is too long to be held. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine, void> {
  let parts: Uint8Array[] = [];
  let held = 0;
  let bytes = 0;
  let number = 0;
  const line = (): TextLine => {
    const whole = Buffer.concat(parts);
    parts = [];
    held = 0;
    number += 1;
    const text = decoded(whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole);
    return { number, text: number === 1 && text?.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, bytes };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      bytes += end + 1 - start;
      start = end + 1;
      yield line();
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    held += chunk.length - start;
    if (held > MAX_LINE_BYTES)
      throw new GolekError('invalid_request', `line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes; split it`);
  }
  if (held > 0) yield line();
}
