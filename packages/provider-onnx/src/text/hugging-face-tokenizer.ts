import { Tokenizer } from '@huggingface/tokenizers';
import type { JsonObject } from './json-fields.ts';

/** What of @huggingface/tokenizers is used. Its own types cannot be resolved by TypeScript as Node's resolution has it: they import without endings. */
export interface HuggingFaceTokenizer {
  readonly normalizer: { normalize(text: string): string } | null;
  readonly model: {
    /** By id. */
    readonly vocab: readonly string[];
    readonly unk_token_id?: number;
    encode(texts: string[]): string[];
  };
  readonly post_processor: {
    post_process(
      tokens: readonly string[],
      pair?: readonly string[],
    ): { readonly tokens: readonly string[]; readonly token_type_ids?: readonly number[] };
  } | null;
  tokenize(text: string, options: { readonly add_special_tokens: boolean }): string[];
  decode(ids: number[], options: { readonly clean_up_tokenization_spaces: boolean }): string;
  id_to_token(id: number): string | undefined;
  token_to_id(token: string): number | undefined;
  get_added_tokens_decoder(): ReadonlyMap<
    number,
    { readonly content: string; readonly id: number; readonly special: boolean; readonly normalized: boolean }
  >;
}

const Constructor = Tokenizer as unknown as new (tokenizer: JsonObject, config: JsonObject) => HuggingFaceTokenizer;

/** Throws what the library throws for files that it cannot read. */
export const makeTokenizer = (tokenizer: JsonObject, config: JsonObject): HuggingFaceTokenizer => {
  const complete = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, added_tokens: [] };
  return new Constructor({ ...complete, ...tokenizer }, config);
};
