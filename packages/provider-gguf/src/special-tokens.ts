import type { TokenBytes, Vocabulary } from './token-bytes.ts';

/** Tokens of a model that are more than text. */
export class SpecialTokens {
  readonly #vocabulary: Vocabulary;
  readonly #bytes: TokenBytes;
  readonly #tokenize: (text: string) => readonly number[];
  /** Control tokens by the texts that were asked for: markers of formats, so a handful. */
  readonly #tokens = new Map<string, number | undefined>();
  #ends: readonly number[] | undefined;

  /** `tokenize`: text to tokens, spellings of special tokens included. */
  constructor(vocabulary: Vocabulary, bytes: TokenBytes, tokenize: (text: string) => readonly number[]) {
    this.#vocabulary = vocabulary;
    this.#bytes = bytes;
    this.#tokenize = tokenize;
  }

  /** Every token that ends an answer. */
  get ends(): readonly number[] {
    this.#ends ??= Array.from({ length: this.#vocabulary.size }, (_, token) => token).filter((token) =>
      this.#vocabulary.isEndOfGeneration(token),
    );
    return this.#ends;
  }

  /** Those of the texts that are control tokens, which have no text otherwise, by token. */
  markers(texts: readonly string[]): ReadonlyMap<number, Uint8Array> {
    const markers = new Map<number, Uint8Array>();
    for (const text of texts) {
      if (!this.#tokens.has(text)) this.#tokens.set(text, this.#controlToken(text));
      const token = this.#tokens.get(text);
      if (token !== undefined) markers.set(token, new TextEncoder().encode(text));
    }
    return markers;
  }

  #controlToken(text: string): number | undefined {
    const token = this.#tokenize(text).find((candidate) => this.#vocabulary.tokenText(candidate) === text);
    return token !== undefined && this.#bytes.of(token).length === 0 ? token : undefined;
  }
}
