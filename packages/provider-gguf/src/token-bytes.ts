import { byteLevelBytes } from '@golek/providers-spi/generation';

/** What the decoding of tokens needs to know of a model's vocabulary. */
export interface Vocabulary {
  /** Number of tokens; ids are 0 … size - 1. */
  readonly size: number;
  /** The token as the model file spells it. */
  tokenText(token: number): string;
  /** Bits of llama.cpp's llama_token_attr. */
  attributes(token: number): number;
  /** Text of one token with special tokens shown; bytes that are no UTF-8 come as U+FFFD. */
  detokenize(tokens: readonly number[]): string;
  /** True for tokens that end an answer, such as <|im_end|>. */
  isEndOfGeneration(token: number): boolean;
}

const ATTRIBUTE_UNKNOWN = 1 << 0;
const ATTRIBUTE_CONTROL = 1 << 3;
const ATTRIBUTE_BYTE = 1 << 5;

const WORD_START = '\u2581';
const NOTHING = new Uint8Array(0);

/**
 * Bytes that each token adds to a text. A token may be a part of a character, and control tokens add nothing. The binding only gives
 * strings, in which such parts are lost, so these are read from the vocabulary's own spelling.
 */
export class TokenBytes {
  readonly #vocabulary: Vocabulary;
  readonly #known = new Map<number, Uint8Array>();
  readonly #encoder = new TextEncoder();

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The same array for every call with a token: do not change it. */
  of(token: number): Uint8Array {
    let bytes = this.#known.get(token);
    if (!bytes) {
      bytes = this.#decode(token);
      this.#known.set(token, bytes);
    }
    return bytes;
  }

  #decode(token: number): Uint8Array {
    const attributes = this.#vocabulary.attributes(token);
    if (attributes & (ATTRIBUTE_UNKNOWN | ATTRIBUTE_CONTROL)) return NOTHING;
    const spelling = this.#vocabulary.tokenText(token);
    if (attributes & ATTRIBUTE_BYTE) {
      const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(spelling)?.[1];
      if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
    }
    const text = this.#vocabulary.detokenize([token]);
    if (text.includes('\uFFFD')) return byteLevelBytes(spelling) ?? this.#encoder.encode(spelling);
    // SentencePiece vocabularies lose the space of the first token of a text.
    return this.#encoder.encode(spelling.startsWith(WORD_START) && !text.startsWith(' ') ? ` ${text}` : text);
  }
}
