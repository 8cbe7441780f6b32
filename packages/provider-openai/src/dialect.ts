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
  readonly seed?: string;
  readonly dimensions?: string;
  /** The word for "some tool has to be called", where it is not `required`. */
  readonly anyTool?: string;
  /** How ids of tool calls have to look; others are replaced, each by the same one. */
  readonly callIds?: 'nine-letters-and-digits';
  /** False: a `name` in a message is refused. */
  readonly names?: false;
  /** False: `stream_options` is refused; token counts come without it. */
  readonly streamOptions?: false;
  /** True: JSON without a schema is not known; a schema that takes every object stands for it. */
  readonly jsonBySchema?: true;
  /** Where an assistant's reasoning is wanted back that led to calls of tools. */
  readonly reasoningBack?: string;
  /** How much it thinks, as an object `{ effort }` under that name. */
  readonly reasoning?: string;
  /** Header that shows the key, in place of a bearer token. */
  readonly keyHeader?: string;
  /** True: models are deployments, which stand in the path; there is no list of them. */
  readonly deployments?: true;
  /** Options of requests that its Responses API takes; absent: it is not known to have one. */
  readonly responses?: readonly RequestOption[];
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

/** What OpenAI's Responses API has words for. */
export const RESPONSES_OPTIONS: readonly RequestOption[] = [
  'input.chat',
  'input.image',
  'tools',
  'toolChoice',
  'parallelToolCalls',
  'reasoning.enabled',
  'reasoning.effort',
  'sampling.temperature',
  'sampling.topP',
  'output.json',
  'output.json-schema',
  'maxTokens',
  'logprobs',
];

const FILTERS: readonly RequestOption[] = ['sampling.topK', 'sampling.minP', 'sampling.repeatPenalty'];

const LLAMA_OPTIONS: readonly RequestOption[] = [
  'sampling.repeatLastTokens',
  'sampling.xtc',
  'sampling.dry',
  'ignoreEos',
  'templateOptions',
];

const without = (...options: readonly RequestOption[]): readonly RequestOption[] =>
  OPENAI_OPTIONS.filter((option) => !options.includes(option));

/** What services have that offer chats only. */
const TEXT_INPUTS = ['input.text', 'input.tokens', 'echo', 'suffix'] as const;

/** Names of fields as the services document them. Golek's own server speaks `llama-cpp`. */
export const DIALECTS = {
  /** The API that everybody has in common. */
  openai: { options: OPENAI_OPTIONS, maxTokens: 'max_tokens', responses: RESPONSES_OPTIONS },
  /** OpenAI's own service: its reasoning models take no `max_tokens`. */
  'openai-platform': {
    options: [...OPENAI_OPTIONS, 'suffix', 'reasoning.effort'],
    maxTokens: 'max_completion_tokens',
    reasoningEffort: 'reasoning_effort',
    responses: RESPONSES_OPTIONS,
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
    responses: RESPONSES_OPTIONS,
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
    responses: RESPONSES_OPTIONS,
  },
  /** LM Studio's server (llama.cpp and MLX). */
  'lm-studio': {
    options: [...without('choices', 'logprobs', 'dimensions', 'parallelToolCalls'), ...FILTERS],
    maxTokens: 'max_tokens',
    topK: 'top_k',
    minP: 'min_p',
    repeatPenalty: 'repeat_penalty',
    jsonBySchema: true,
    responses: RESPONSES_OPTIONS.filter((option) => option !== 'logprobs'),
  },
  /** Azure OpenAI by deployments: the address ends with `/openai?api-version=…`. Its newer `/openai/v1` is `openai-platform`. */
  azure: {
    options: [...OPENAI_OPTIONS, 'reasoning.effort'],
    maxTokens: 'max_completion_tokens',
    reasoningEffort: 'reasoning_effort',
    keyHeader: 'api-key',
    deployments: true,
  },
  groq: {
    options: [
      ...without(...TEXT_INPUTS, 'choices', 'logprobs', 'sampling.logitBias', 'dimensions'),
      'reasoning.effort',
    ],
    maxTokens: 'max_completion_tokens',
    reasoningEffort: 'reasoning_effort',
    names: false,
  },
  /** Refuses every field that it does not know. */
  mistral: {
    options: without(...TEXT_INPUTS, 'logprobs', 'sampling.logitBias'),
    maxTokens: 'max_tokens',
    seed: 'random_seed',
    dimensions: 'output_dimension',
    anyTool: 'any',
    callIds: 'nine-letters-and-digits',
    names: false,
    streamOptions: false,
  },
  deepseek: {
    options: without(
      ...TEXT_INPUTS,
      'input.image',
      'choices',
      'sampling.seed',
      'sampling.logitBias',
      'parallelToolCalls',
      'output.json-schema',
      'dimensions',
    ),
    maxTokens: 'max_tokens',
    reasoningBack: 'reasoning_content',
  },
  openrouter: {
    options: [...without('input.tokens', 'echo', 'choices'), ...FILTERS, 'reasoning.effort'],
    maxTokens: 'max_tokens',
    topK: 'top_k',
    minP: 'min_p',
    repeatPenalty: 'repetition_penalty',
    reasoning: 'reasoning',
    responses: RESPONSES_OPTIONS,
  },
} as const satisfies Readonly<Record<string, Dialect>>;

export type DialectName = keyof typeof DIALECTS;
