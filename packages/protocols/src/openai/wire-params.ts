import type { GolekError } from '@golek/api';

/** Names on the wire of the canonical options and paths that errors carry. */
export type WireParams = Readonly<Record<string, string>>;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The option that a failure is about, and its name on the wire. */
export const wireOption = (
  { details }: GolekError,
  params: WireParams,
): { readonly option: string; readonly name: string } | undefined => {
  const option = text(details?.['option']) ?? text(details?.['field']) ?? '';
  return Object.hasOwn(params, option) ? { option, name: params[option] as string } : undefined;
};

/** The message of a failure: a caller knows the option by its name on the wire. */
export const wireMessage = (error: GolekError, params: WireParams): string => {
  const about = wireOption(error, params);
  return about ? error.message.replaceAll(`'${about.option}'`, `'${about.name}'`) : error.message;
};

const GENERATE_PARAMS: WireParams = {
  'sampling.temperature': 'temperature',
  'sampling.topP': 'top_p',
  'sampling.topK': 'top_k',
  'sampling.minP': 'min_p',
  'sampling.seed': 'seed',
  'sampling.frequencyPenalty': 'frequency_penalty',
  'sampling.presencePenalty': 'presence_penalty',
  'sampling.repeatPenalty': 'repeat_penalty',
  'sampling.logitBias': 'logit_bias',
  'sampling.repeatLastTokens': 'repeat_last_n',
  'sampling.xtc': 'xtc_probability',
  'sampling.dry': 'dry_multiplier',
  'output.json': 'response_format',
  'output.json-schema': 'response_format',
  'output.grammar': 'grammar',
  maxTokens: 'max_tokens',
  stop: 'stop',
  stopTokens: 'stop_token_ids',
  ignoreEos: 'ignore_eos',
  adapters: 'lora',
  choices: 'n',
  logprobs: 'logprobs',
};

export const CHAT_PARAMS: WireParams = {
  ...GENERATE_PARAMS,
  'input.chat': 'messages',
  'input.image': 'image_url',
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'parallel_tool_calls',
  'reasoning.enabled': 'reasoning_effort',
  'reasoning.effort': 'reasoning_effort',
  templateOptions: 'chat_template_kwargs',
  prompt: 'messages',
};

/** For a chat request that limits its answer with `max_completion_tokens`. */
export const NEW_LIMIT_CHAT_PARAMS: WireParams = {
  ...CHAT_PARAMS,
  maxTokens: 'max_completion_tokens',
  max_tokens: 'max_completion_tokens',
};

export const COMPLETION_PARAMS: WireParams = {
  ...GENERATE_PARAMS,
  'input.text': 'prompt',
  'input.tokens': 'prompt',
  'input.prompt': 'prompt',
  input: 'prompt',
  echo: 'echo',
  bestOf: 'best_of',
  suffix: 'suffix',
  prompt: 'prompt',
};

export const EMBEDDING_PARAMS: WireParams = {
  inputs: 'input',
  'input.tokens': 'input',
  dimensions: 'dimensions',
  prompt: 'input',
};

export const RERANK_PARAMS: WireParams = { prompt: 'documents' };

export const CLASSIFY_PARAMS: WireParams = {
  inputs: 'input',
  'input.text': 'input',
  'input.image': 'image',
  'input.audio': 'audio',
  'input.url': 'input',
  top: 'top_k',
  prompt: 'input',
};

export const TOKENIZE_PARAMS: WireParams = { prompt: 'content' };
