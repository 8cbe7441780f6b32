/** Names on the wire of the canonical options and paths that errors carry. */
export type WireParams = Readonly<Record<string, string>>;

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
  echo: 'echo',
  bestOf: 'best_of',
  suffix: 'suffix',
  prompt: 'prompt',
};

export const EMBEDDING_PARAMS: WireParams = {
  'input.tokens': 'input',
  dimensions: 'dimensions',
  prompt: 'input',
};

export const RERANK_PARAMS: WireParams = { prompt: 'documents' };

export const TOKENIZE_PARAMS: WireParams = { prompt: 'content' };
