import type { RequestOption } from '@golek/providers-spi';

/** How a kind of service differs from OpenAI's own API: data, so that another one is another entry. */
export interface Dialect {
  /** Options of requests that it takes. */
  readonly options: readonly RequestOption[];
  /** Name of the limit of generated tokens in chats. */
  readonly maxTokens: 'max_tokens' | 'max_completion_tokens';
  /** Names of options that OpenAI does not have. */
  readonly topK?: string;
  readonly minP?: string;
  readonly repeatPenalty?: string;
  readonly grammar?: string;
  readonly stopTokens?: string;
  readonly ignoreEos?: string;
  readonly reasoningEffort?: string;
  readonly templateOptions?: string;
  /** True: it takes llama.cpp's XTC, DRY and length of the penalties under its names. */
  readonly llamaSamplers?: true;
}

const OPENAI_OPTIONS: readonly RequestOption[] = [
  'input.chat',
  'input.text',
  'input.tokens',
  'input.image',
  'echo',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'sampling.temperature',
  'sampling.topP',
  'sampling.seed',
  'sampling.frequencyPenalty',
  'sampling.presencePenalty',
  'sampling.logitBias',
  'output.json',
  'output.json-schema',
  'maxTokens',
  'stop',
  'choices',
  'logprobs',
  'dimensions',
];

const FILTERS: readonly RequestOption[] = ['sampling.topK', 'sampling.minP', 'sampling.repeatPenalty'];

const LLAMA_OPTIONS: readonly RequestOption[] = [
  'sampling.repeatLastTokens',
  'sampling.xtc',
  'sampling.dry',
  'ignoreEos',
  'templateOptions',
];

/** Names of fields as the services document them. Golek's own server speaks `llama-cpp`. */
export const DIALECTS = {
  /** The API that everybody has in common. */
  openai: { options: OPENAI_OPTIONS, maxTokens: 'max_tokens' },
  /** OpenAI's own service: its reasoning models take no `max_tokens`. */
  'openai-platform': {
    options: [...OPENAI_OPTIONS, 'suffix', 'reasoning.effort'],
    maxTokens: 'max_completion_tokens',
    reasoningEffort: 'reasoning_effort',
  },
  vllm: {
    options: [...OPENAI_OPTIONS, ...FILTERS, 'stopTokens', 'ignoreEos', 'templateOptions'],
    maxTokens: 'max_tokens',
    topK: 'top_k',
    minP: 'min_p',
    repeatPenalty: 'repetition_penalty',
    stopTokens: 'stop_token_ids',
    ignoreEos: 'ignore_eos',
    templateOptions: 'chat_template_kwargs',
  },
  'llama-cpp': {
    options: [...OPENAI_OPTIONS, ...FILTERS, ...LLAMA_OPTIONS, 'output.grammar'],
    maxTokens: 'max_tokens',
    topK: 'top_k',
    minP: 'min_p',
    repeatPenalty: 'repeat_penalty',
    grammar: 'grammar',
    ignoreEos: 'ignore_eos',
    templateOptions: 'chat_template_kwargs',
    llamaSamplers: true,
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof DIALECTS;
