import { CHAT_PARAMS, type WireParams } from '../wire-params.ts';

/** Names on the wire of the canonical options, for a request of a response. */
export const RESPONSE_PARAMS: WireParams = {
  ...CHAT_PARAMS,
  'input.chat': 'input',
  'input.image': 'input_image',
  'output.json': 'text.format',
  'output.json-schema': 'text.format',
  'reasoning.enabled': 'reasoning.effort',
  'reasoning.effort': 'reasoning.effort',
  maxTokens: 'max_output_tokens',
  max_tokens: 'max_output_tokens',
  logprobs: 'include',
  prompt: 'input',
};
