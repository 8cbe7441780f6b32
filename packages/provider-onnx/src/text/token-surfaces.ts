import { objectOf, textField, type JsonObject } from './json-fields.ts';
import type { TextTokenizer } from './text-tokenizer.ts';
import type { TokenBytes } from './token-bytes.ts';
import type { TokenSurface } from './token-spans.ts';

/** How a kind of tokenizer splits words. */
export interface WordRules {
  /** Before tokens that go on with a word; undefined where tokens that begin a word are marked instead. */
  readonly continuation: string | undefined;
  /** The unknown token stands for a whole word. */
  readonly unknownIsWord: boolean;
}

/** `file`: tokenizer.json. */
export const wordRules = (file: JsonObject): WordRules => {
  const model = objectOf(file['model']);
  const type = textField(model, 'type');
  return {
    continuation: type === 'WordPiece' ? (textField(model, 'continuing_subword_prefix') ?? '##') : undefined,
    unknownIsWord: type === 'WordPiece' || type === 'WordLevel',
  };
};

/** What tokens of a text look like in it. A character that several tokens make up belongs to the last of them. */
export const surfacesOf = (
  tokens: readonly number[],
  tokenizer: TextTokenizer,
  bytes: TokenBytes,
  { continuation }: WordRules,
): readonly TokenSurface[] => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return tokens.map((token) => {
    if (token === tokenizer.unknown) return { text: undefined };
    const text = decoder.decode(bytes.of(token), { stream: true });
    return {
      text: continuation !== undefined && text.startsWith(continuation) ? text.slice(continuation.length) : text,
    };
  });
};
