import { byteLevelBytes } from '@golek/providers-spi/generation';
import { isObject, objectOf, textField, type JsonObject } from './json-fields.ts';
import type { TextTokenizer } from './text-tokenizer.ts';

const NOTHING = new Uint8Array(0);
const WORD_START = /\u2581/g;

/**
 * Bytes that each token adds to a text. A token may be a part of a character, and special tokens add nothing: what a streamed answer is
 * made of, where decoding all tokens again for each one would take ever longer.
 */
export class TokenBytes {
  readonly #tokenizer: TextTokenizer;
  readonly #byteLevel: boolean;
  /** Texts of added tokens that are not special: they are spelled as they are. */
  readonly #added: ReadonlyMap<number, string>;
  readonly #known = new Map<number, Uint8Array>();
  readonly #encoder = new TextEncoder();

  /** `file`: tokenizer.json. */
  constructor(tokenizer: TextTokenizer, file: JsonObject) {
    this.#tokenizer = tokenizer;
    this.#byteLevel = [...typesIn(objectOf(file['decoder'])), ...typesIn(objectOf(file['pre_tokenizer']))].includes(
      'ByteLevel',
    );
    const added = Array.isArray(file['added_tokens']) ? file['added_tokens'].filter(isObject) : [];
    this.#added = new Map(
      added.flatMap(({ id, content, special }) =>
        typeof id === 'number' && typeof content === 'string' && special !== true ? [[id, content] as const] : [],
      ),
    );
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
    if (this.#tokenizer.specialIds.has(token)) return NOTHING;
    const added = this.#added.get(token);
    if (added !== undefined) return this.#encoder.encode(added);
    const spelling = this.#tokenizer.spelling(token);
    if (spelling === undefined) return NOTHING;
    if (this.#byteLevel) return byteLevelBytes(spelling) ?? this.#encoder.encode(spelling);
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(spelling)?.[1];
    if (hex !== undefined) return Uint8Array.of(Number.parseInt(hex, 16));
    return this.#encoder.encode(spelling.replace(WORD_START, ' '));
  }
}

/** The types of a step and of the steps that it consists of. */
const typesIn = (step: JsonObject | undefined): readonly string[] => {
  if (!step) return [];
  const inner = [step['decoders'], step['pretokenizers']].flatMap((steps) =>
    Array.isArray(steps) ? steps.filter(isObject) : [],
  );
  return [textField(step, 'type') ?? '', ...inner.flatMap(typesIn)];
};
