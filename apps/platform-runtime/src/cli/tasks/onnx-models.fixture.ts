import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Small ONNX files (opset 17). Those for texts look the rows of the tokens up in a table (Gather); classifier and ranker give their mean (ReduceMean, Squeeze). */
const GRAPHS = {
  /** A vector of 3 components for each token. */
  embedder:
    'CAgSC2dvbGVrLXRlc3RzOu8CCi8KBXRhYmxlCglpbnB1dF9pZHMSEWxhc3RfaGlkZGVuX3N0YXRlIgZHYXRoZXI6ABIEdGVzdCqsAQgNCAMQAUIFdGFibGVKnAEAAAAAAAAAAAAAAAAAAIA+AACAPgAAgD4AAAA+AAAAPgAAAD4AAAA+AAAAPgAAAD4AAIA/AAAAAAAAAAAAAIC/AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAAAACAPgAAgD8AAAAAAACAPgAAgD4AAAA/AAAAPwAAAAAAAAA/AAAAAAAAAD8AAAAAAAAAAAAAAABaJgoJaW5wdXRfaWRzEhkKFwgHEhMKBxIFYmF0Y2gKCBIGdG9rZW5zWisKDmF0dGVudGlvbl9tYXNrEhkKFwgHEhMKBxIFYmF0Y2gKCBIGdG9rZW5zYjIKEWxhc3RfaGlkZGVuX3N0YXRlEh0KGwgBEhcKBxIFYmF0Y2gKCBIGdG9rZW5zCgIIA0IECgAQEUIOCgphaS5vbm54Lm1sEAM=',
  /** good: [8, 0], bad: [0, 8]. */
  classifier:
    'CAgSC2dvbGVrLXRlc3RzOvcCCiIKBXRhYmxlCglpbnB1dF9pZHMSBHJvd3MiBkdhdGhlcjoACicKBHJvd3MSBG1lYW4iClJlZHVjZU1lYW4qCwoEYXhlc0ABoAEHOgAKHwoEbWVhbgoEYXhlcxIGbG9naXRzIgdTcXVlZXplOgASBHRlc3QqdwgNCAIQAUIFdGFibGVKaAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKhQIARAHQgRheGVzSggBAAAAAAAAAFomCglpbnB1dF9pZHMSGQoXCAcSEwoHEgViYXRjaAoIEgZ0b2tlbnNaKwoOYXR0ZW50aW9uX21hc2sSGQoXCAcSEwoHEgViYXRjaAoIEgZ0b2tlbnNiHQoGbG9naXRzEhMKEQgBEg0KBxIFYmF0Y2gKAggCQgQKABARQg4KCmFpLm9ubngubWwQAw==',
  /** john: [0, 8, 0], london: [0, 0, 8], any other token: [8, 0, 0]. */
  tagger:
    'CAgSC2dvbGVrLXRlc3RzOtkCCiQKBXRhYmxlCglpbnB1dF9pZHMSBmxvZ2l0cyIGR2F0aGVyOgASBHRlc3QqrAEIDQgDEAFCBXRhYmxlSpwBAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAQQAAAAAAAAAAAAAAAAAAAEEAAAAAAAAAAAAAAAAAAABBAAAAQQAAAAAAAAAAWiYKCWlucHV0X2lkcxIZChcIBxITCgcSBWJhdGNoCggSBnRva2Vuc1orCg5hdHRlbnRpb25fbWFzaxIZChcIBxITCgcSBWJhdGNoCggSBnRva2Vuc2InCgZsb2dpdHMSHQobCAESFwoHEgViYXRjaAoIEgZ0b2tlbnMKAggDQgQKABARQg4KCmFpLm9ubngubWwQAw==',
  /** cat: 8, dog: 4, film: -8. */
  ranker:
    'CAgSC2dvbGVrLXRlc3RzOsMCCiIKBXRhYmxlCglpbnB1dF9pZHMSBHJvd3MiBkdhdGhlcjoACicKBHJvd3MSBG1lYW4iClJlZHVjZU1lYW4qCwoEYXhlc0ABoAEHOgAKHwoEbWVhbgoEYXhlcxIGbG9naXRzIgdTcXVlZXplOgASBHRlc3QqQwgNCAEQAUIFdGFibGVKNAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMEAAABBAACAQAAAAAAAAAAAAAAAAAAAAAAqFAgBEAdCBGF4ZXNKCAEAAAAAAAAAWiYKCWlucHV0X2lkcxIZChcIBxITCgcSBWJhdGNoCggSBnRva2Vuc1orCg5hdHRlbnRpb25fbWFzaxIZChcIBxITCgcSBWJhdGNoCggSBnRva2Vuc2IdCgZsb2dpdHMSEwoRCAESDQoHEgViYXRjaAoCCAFCBAoAEBFCDgoKYWkub25ueC5tbBAD',
  /** y = -x (FP32 [rows, 2]), m = n (INT64 [count]), u = t (texts [count]). */
  tensors:
    'CAgSC2dvbGVrLXRlc3RzOscBCg0KAXgSAXkiA05lZzoAChIKAW4SAW0iCElkZW50aXR5OgAKEgoBdBIBdSIISWRlbnRpdHk6ABIEdGVzdFoXCgF4EhIKEAgBEgwKBhIEcm93cwoCCAJaFAoBbhIPCg0IBxIJCgcSBWNvdW50WhQKAXQSDwoNCAgSCQoHEgVjb3VudGIXCgF5EhIKEAgBEgwKBhIEcm93cwoCCAJiFAoBbRIPCg0IBxIJCgcSBWNvdW50YhQKAXUSDwoNCAgSCQoHEgVjb3VudEIECgAQEUIOCgphaS5vbm54Lm1sEAM=',
} as const;
export type SmallModel = keyof typeof GRAPHS;

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
const VOCABULARY = [...SPECIAL, 'good', 'bad', 'film', 'cat', 'dog', 'the', 'john', 'london', '##s'];

const sequence = (id: 'A' | 'B', type: number): object => ({ Sequence: { id, type_id: type } });
const special = (id: string, type: number): object => ({ SpecialToken: { id, type_id: type } });

/** As Hugging Face's tools write it for BERT. */
const TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: SPECIAL.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
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
    vocab: Object.fromEntries(VOCABULARY.map((token, id) => [token, id])),
  },
};

const CONFIGS: Readonly<Record<SmallModel, object | undefined>> = {
  embedder: { max_position_embeddings: 16 },
  classifier: { architectures: ['BertForSequenceClassification'], id2label: { 0: 'positive', 1: 'negative' } },
  tagger: { architectures: ['BertForTokenClassification'], id2label: { 0: 'O', 1: 'B-PER', 2: 'B-LOC' } },
  ranker: { architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } },
  tensors: undefined,
};

/** Writes a model below a folder, as repositories have them. @returns its folder, which has its name. */
export const writeSmallModel = (below: string, name: SmallModel): string => {
  const folder = path.join(below, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'model.onnx'), Buffer.from(GRAPHS[name], 'base64'));
  const config = CONFIGS[name];
  if (!config) return folder;
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(TOKENIZER));
  const special = { sep_token: '[SEP]', pad_token: '[PAD]', cls_token: '[CLS]', unk_token: '[UNK]' };
  writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify(special));
  return folder;
};
