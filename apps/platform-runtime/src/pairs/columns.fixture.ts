import type { Protocol, Subject } from './protocol.fixture.ts';

/** Whose answers a column has to give. */
type Same = 'golek-tiny' | 'word-chain' | 'the prompt';

/** Who answers: a model of one provider. */
export interface Column {
  readonly name: string;
  /** What answers there. */
  readonly about: string;
  readonly same: Same;
  /** Model for embeddings, where it is another than the one named as the column: golek-embed, but for Gemini's. */
  readonly embedder?: string;
  /** Why something is refused there. */
  readonly refuses: Partial<Readonly<Record<Subject, string>>>;
}

const RAW_TEXTS_ONLY = 'these servers take raw texts, no chats';

export const COLUMNS: readonly Column[] = [
  { name: 'gguf', about: '`golek-tiny`', same: 'golek-tiny', refuses: {} },
  {
    name: 'onnx',
    about: 'a small decoder that the test writes, and `golek-embed`',
    same: 'word-chain',
    embedder: 'golek-embed',
    refuses: { tools: 'answers of ONNX decoders are not bound to a grammar' },
  },
  {
    name: 'openai',
    about: 'another Golek, as `type: openai`',
    same: 'golek-tiny',
    embedder: 'openai-embed',
    refuses: {},
  },
  {
    name: 'openai-responses',
    about: 'another Golek, as `type: openai`, for a model with `api: responses`',
    same: 'golek-tiny',
    refuses: {
      text: 'the Responses API has chats only',
      embeddings: 'the Responses API has none; a model without `api` has them',
    },
  },
  {
    name: 'anthropic',
    about: 'another Golek, as `type: anthropic`',
    same: 'golek-tiny',
    refuses: {
      text: "Anthropic's API has chats only",
      embeddings: "Anthropic's API has no embeddings",
    },
  },
  {
    name: 'ollama',
    about: 'another Golek, as `type: ollama`',
    same: 'golek-tiny',
    embedder: 'ollama-embed',
    refuses: {},
  },
  {
    name: 'triton',
    about: 'another Golek, as `type: triton` over gRPC',
    same: 'golek-tiny',
    embedder: 'triton-embed',
    refuses: { chat: RAW_TEXTS_ONLY, tools: RAW_TEXTS_ONLY },
  },
  {
    name: 'triton-http',
    about: 'another Golek, as `type: triton` over REST',
    same: 'golek-tiny',
    embedder: 'triton-http-embed',
    refuses: { chat: RAW_TEXTS_ONLY, tools: RAW_TEXTS_ONLY },
  },
  {
    name: 'gemini',
    about: 'a server for tests that says the prompt back: Golek serves no Gemini API',
    same: 'the prompt',
    embedder: 'gemini-embed',
    refuses: { text: "Gemini's API has chats only" },
  },
];

/** What becomes of a pair. */
export type Cell =
  | { readonly kind: 'yes' }
  /** Asked for, and refused by name. */
  | { readonly kind: 'refused'; readonly why: string }
  /** There is no way to ask for it. */
  | { readonly kind: 'absent'; readonly why: string };

export const cellOf = (protocol: Protocol, column: Column, subject: Subject): Cell => {
  const ask = protocol[subject];
  if (typeof ask === 'string') return { kind: 'absent', why: ask };
  const why = column.refuses[subject];
  return why === undefined ? { kind: 'yes' } : { kind: 'refused', why };
};
