/** Pieces with their log-probabilities, by token. */
export type Vocabulary = readonly (readonly [piece: string, score: number])[];

export interface EncoderShape {
  /** Tokens that the original reads of a text; it leaves the others out. */
  readonly maxTokens: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

/** Tokens before these stand for no text: unknown characters, ends, three that were never used. */
const FIRST_PIECE = 6;
const UNKNOWN = 0;
/** SentencePiece's mark of a space. */
const SPACE = '▁';

/** Tokenizer and configuration as Hugging Face's tools write them, by file name. */
export const textFiles = (vocabulary: Vocabulary, shape: EncoderShape): Readonly<Record<string, string>> => ({
  'tokenizer.json': json(tokenizer(vocabulary, shape.maxTokens)),
  'tokenizer_config.json': json({
    tokenizer_class: 'PreTrainedTokenizerFast',
    unk_token: vocabulary[UNKNOWN]?.[0],
    model_max_length: shape.maxTokens,
  }),
  'config.json': json({
    architectures: ['UniversalSentenceEncoderLite'],
    model_type: 'universal-sentence-encoder-lite',
    hidden_size: shape.width,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    max_position_embeddings: shape.maxTokens,
    vocab_size: vocabulary.length,
  }),
});

const tokenizer = (vocabulary: Vocabulary, maxTokens: number): object => {
  const spaces = { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'always', split: false };
  return {
    version: '1.0',
    truncation: { direction: 'Right', max_length: maxTokens, strategy: 'LongestFirst', stride: 0 },
    padding: null,
    added_tokens: [],
    // White space as SentencePiece treats it in training: any of it is one space, none at the ends.
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFKC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Strip', strip_left: true, strip_right: true },
      ],
    },
    pre_tokenizer: spaces,
    post_processor: null,
    decoder: spaces,
    model: {
      type: 'Unigram',
      unk_id: UNKNOWN,
      byte_fallback: false,
      // No text has a space once the normaliser and the pre-tokenizer are done, so that none is read as a token that stands for no text.
      vocab: vocabulary.map(([piece, score], token) =>
        token === UNKNOWN || token >= FIRST_PIECE ? [piece, score] : [`${piece} `, score],
      ),
    },
  };
};

const json = (value: object): string => `${JSON.stringify(value)}\n`;
