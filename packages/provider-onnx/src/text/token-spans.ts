/** A piece of a text, UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a token stands for in a text. */
export interface TokenSurface {
  /** Its text as the tokenizer has it, perhaps in lower case and without accents; undefined for the unknown token. */
  readonly text: string | undefined;
}

/**
 * Where tokens stand in the text that they were made of. Tokenizers change texts first (case, accents, spaces, compatibility forms), so both sides are
 * compared without these differences. The unknown token stands for what is left between the others. A token of which nothing can be found has an empty span.
 */
export const tokenSpans = (text: string, tokens: readonly TokenSurface[], unknownIsWord: boolean): readonly Span[] => {
  const folded = foldedText(text);
  /** Units of the folded text that have been found. */
  let at = 0;
  const found = tokens.map((token): Span | 'empty' | undefined => {
    if (token.text === undefined) {
      if (unknownIsWord) at = wordEnd(folded, at);
      return undefined;
    }
    const surface = fold(token.text);
    if (surface === '') return 'empty';
    const first = folded.text.indexOf(surface, at);
    // What is far away is another word that happens to be spelled alike.
    if (first < 0 || first - at > REACH) return undefined;
    at = first + surface.length;
    return { start: folded.starts[first] as number, end: folded.ends[at - 1] as number };
  });
  return filled(text, found);
};

/** Units of a text that tokens may leave out: those of unknown words. */
const REACH = 256;

interface FoldedText {
  readonly text: string;
  /** Of each unit: the character of the original that it came from. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A text without white space, case, accents and compatibility forms. */
const fold = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/[\p{M}\s\u2581]/gu, '')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '');

const foldedText = (text: string): FoldedText => {
  const parts: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let at = 0;
  for (const character of text) {
    const end = at + character.length;
    const part = fold(character);
    for (let unit = 0; unit < part.length; unit++) {
      starts.push(at);
      ends.push(end);
    }
    // A mark belongs to the character before it.
    if (part === '' && /\p{M}/u.test(character) && ends.length > 0) ends[ends.length - 1] = end;
    parts.push(part);
    at = end;
  }
  return { text: parts.join(''), starts, ends };
};

const WORD_CHARACTER = /[\p{L}\p{N}]/u;

/** The end of the word at a place of the folded text: where white space was left out, or where letters meet something else. */
const wordEnd = ({ text, starts, ends }: FoldedText, at: number): number => {
  if (at >= text.length) return at;
  const isWord = WORD_CHARACTER.test(text[at] as string);
  let next = at + 1;
  while (
    isWord &&
    next < text.length &&
    (starts[next] === ends[next - 1] || starts[next] === starts[next - 1]) &&
    WORD_CHARACTER.test(text[next] as string)
  )
    next++;
  return next;
};

/** Unknown tokens get what is between their neighbours, without the white space around it. */
const filled = (text: string, found: readonly (Span | 'empty' | undefined)[]): readonly Span[] => {
  const spans: Span[] = [];
  let known = 0;
  for (const [index, span] of found.entries()) {
    const last = spans.at(-1)?.end ?? 0;
    if (span === 'empty') spans.push({ start: last, end: last });
    else if (span) {
      spans.push(span);
      known = span.end;
    } else {
      const next = found.slice(index + 1).find((other) => typeof other === 'object');
      const gap = text.slice(known, Math.max(known, next?.start ?? text.length));
      const start = known + (gap.length - gap.trimStart().length);
      const end = known + gap.trimEnd().length;
      spans.push(end > start ? { start, end } : { start: last, end: last });
    }
  }
  return spans;
};
