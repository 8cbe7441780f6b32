import { GolekError } from '@golek/providers-spi';

/**
 * Joins the bytes of tokens to text, whole characters only: the bytes of a character that is not complete are held until the rest comes.
 * A character that is still incomplete at the end of an answer is dropped, as it never was one.
 */
export class StreamingUtf8 {
  readonly #decoder: TextDecoder;

  /** `strict`: bytes that are no UTF-8 raise `provider_failed`; otherwise they become U+FFFD. */
  constructor(strict: boolean) {
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: strict });
  }

  push(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new GolekError(
        'provider_failed',
        'the model wrote bytes that are no UTF-8; lower the temperature or ask again',
        { cause },
      );
    }
  }
}
