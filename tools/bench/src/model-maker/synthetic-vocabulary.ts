/** A byte-level BPE vocabulary, as `tokenizer.ggml.*` spells it. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  /** `left right`, the first merge first. */
  readonly merges: readonly string[];
}

/** Tokens 0 … of every made model. The first and the third end an answer. */
export const SPECIAL_TOKENS = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|fim_prefix|>',
  '<|fim_suffix|>',
  '<|fim_middle|>',
] as const;

/** GPT-2's alphabet: printable Latin-1 characters stand for their own byte, U+0100 … for the others in order. */
const byteCharacters = (): string[] => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCodePoint(printable ? byte : next++);
  });
};

/** The most frequent first, in English. */
const LETTERS = 'etaoinshrdlcumwfgypbvkjxqz'.match(/./g) ?? [];
/** The character of the space byte. */
const SPACE = '\u0120';

/** Pieces of two to four letters, also behind a space; what is frequent comes first, so that a small vocabulary is useful too. */
function* pieces(): Generator<readonly [left: string, right: string]> {
  for (const a of LETTERS) for (const b of LETTERS) yield [a, b];
  for (const a of LETTERS) yield [SPACE, a];
  const pairs = LETTERS.flatMap((a) => LETTERS.map((b) => a + b));
  for (const pair of pairs) yield [SPACE, pair];
  for (const c of LETTERS)
    for (const pair of pairs) {
      yield [pair, c];
      yield [SPACE, pair + c];
    }
  for (const left of pairs) for (const right of pairs) yield [left, right];
}

/** Tokens that every text can be written in: what is special, each byte, and pieces of words up to `size`. Throws RangeError beyond 490,000. */
export const syntheticVocabulary = (size: number): Vocabulary => {
  const tokens: string[] = [...SPECIAL_TOKENS, ...byteCharacters()];
  const merges: string[] = [];
  for (const [left, right] of pieces()) {
    if (tokens.length >= size) break;
    tokens.push(left + right);
    merges.push(`${left} ${right}`);
  }
  if (tokens.length !== size)
    throw new RangeError(
      `a vocabulary of ${size} tokens cannot be made; between ${SPECIAL_TOKENS.length + 256} and ${tokens.length} can`,
    );
  return { tokens, merges };
};
