/**
 * Joins the bytes of tokens to text, whole characters only: the bytes of a character that is not complete are held until the rest comes.
 * A character that is still incomplete at the end of an answer is dropped, as it never was one.
 */
export class StreamingUtf8 {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }
}
