import type { WireParams } from '../openai/wire-params.ts';

/** Names on the wire of the canonical options and paths that errors carry. */
const GENERATE_PARAMS: WireParams = {
  'input.image': 'images',
  'sampling.temperature': 'options.temperature',
  'sampling.topP': 'options.top_p',
  'sampling.topK': 'options.top_k',
  'sampling.minP': 'options.min_p',
  'sampling.seed': 'options.seed',
  'sampling.frequencyPenalty': 'options.frequency_penalty',
  'sampling.presencePenalty': 'options.presence_penalty',
  'sampling.repeatPenalty': 'options.repeat_penalty',
  'sampling.repeatLastTokens': 'options.repeat_last_n',
  'output.json': 'format',
  'output.json-schema': 'format',
  'reasoning.enabled': 'think',
  'reasoning.effort': 'think',
  maxTokens: 'options.num_predict',
  max_tokens: 'options.num_predict',
  stop: 'options.stop',
  logprobs: 'logprobs',
};

export const CHAT_PARAMS: WireParams = {
  ...GENERATE_PARAMS,
  'input.chat': 'messages',
  tools: 'tools',
  prompt: 'messages',
};

export const GENERATE_BODY_PARAMS: WireParams = {
  ...GENERATE_PARAMS,
  'input.chat': 'prompt',
  'input.text': 'raw',
  suffix: 'suffix',
  prompt: 'prompt',
};

export const EMBED_PARAMS: WireParams = { dimensions: 'dimensions', prompt: 'input' };
