/** Small tokenizer.json files, as Hugging Face's tools write them. */

const vocabulary = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];

const added = (tokens: readonly string[]): readonly object[] =>
  tokens.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));

const sequence = (id: 'A' | 'B', type: number): object => ({ Sequence: { id, type_id: type } });
const special = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } });

const WORDS =
  'the cat dog ##s sat on mat a is good bad film works at in lives john smith london new york . , ! ? apple cake tree car red'.split(
    ' ',
  );

/** BERT's kind: lower case, whole words and `##s`. */
export const wordPieces = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: added(SPECIAL),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
    pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: vocabulary([...SPECIAL, ...WORDS]),
  },
};

/** SentencePiece's unigram kind. */
export const sentencePieces = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: { type: 'NFKC' },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
  post_processor: null,
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
  model: {
    type: 'Unigram',
    unk_id: 0,
    vocab: [
      ['<unk>', 0],
      ...'a b c e h l o s t z x . ▁'.split(' ').map((letter, index) => [letter, -4 - index / 10]),
      ['▁the', -2.5],
      ['the', -3.5],
      ['▁cat', -3],
      ['cats', -6],
      ['s', -2],
      ['hell', -5],
      ['he', -3],
      ['llo', -4],
      ['ab', -7.5],
      ['🎉', -6],
    ],
    byte_fallback: false,
  },
};
