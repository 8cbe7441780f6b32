import type { LlamaModel } from 'node-llama-cpp';

/** Special tokens that a model expects around the inputs of which it makes vectors, as llama.cpp's own tokenizer and server put them. */
export interface FrameTokens {
  /** Before a single input. */
  readonly first: readonly number[];
  /** After a single input. */
  readonly last: readonly number[];
  /** Around a query and a document that are read together. */
  readonly pair: {
    readonly first: readonly number[];
    readonly middle: readonly number[];
    readonly last: readonly number[];
  };
}

/** Kinds of BPE vocabulary that llama.cpp separates pairs in unless the file says otherwise. */
const SEPARATING_BPE: ReadonlySet<unknown> = new Set(['jina-v1-en', 'jina-v2-code', 'roberta-bpe']);

const some = (token: number | null): number[] => (token === null ? [] : [token]);

export const frameTokensOf = ({ tokens, vocabularyType, fileInfo }: LlamaModel): FrameTokens => {
  // The enum's values, which a type-only import cannot use: the binding is loaded on demand.
  const kind: string = vocabularyType;
  const { bos, eos, sep } = tokens;
  const tokenizer = fileInfo.metadata.tokenizer.ggml as {
    readonly pre?: string;
    readonly add_sep_token?: boolean;
  };
  const first = tokens.shouldPrependBosToken && kind !== 'rwkv' ? some(bos) : [];
  const last = tokens.shouldAppendEosToken && kind !== 'rwkv' ? some(eos) : [];
  const separates = tokenizer.add_sep_token ?? (kind === 'wpm' || SEPARATING_BPE.has(tokenizer.pre));
  const pairLast = tokens.shouldAppendEosToken ? some(eos ?? sep) : [];
  return {
    // WordPiece vocabularies frame every input, whatever their flags say.
    first: kind === 'wpm' ? some(bos) : first,
    last: kind === 'wpm' ? some(sep) : last,
    pair: { first, middle: [...pairLast, ...(separates ? some(sep) : [])], last: pairLast },
  };
};

/** The input between its special tokens, of which none is added that is there already. */
export const framed = (tokens: readonly number[], { first, last }: FrameTokens): Uint32Array =>
  Uint32Array.from([
    ...(first.length > 0 && tokens[0] === first[0] ? [] : first),
    ...tokens,
    ...(last.length > 0 && tokens.at(-1) === last[0] ? [] : last),
  ]);
