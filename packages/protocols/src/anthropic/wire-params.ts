import type { WireParams } from '../openai/wire-params.ts';

/** Names on the wire of the canonical options and paths that errors carry. */
export const MESSAGES_PARAMS: WireParams = {
  'sampling.temperature': 'temperature',
  'sampling.topP': 'top_p',
  'sampling.topK': 'top_k',
  'output.json-schema': 'output_config.format',
  maxTokens: 'max_tokens',
  stop: 'stop_sequences',
  'input.chat': 'messages',
  'input.image': 'image',
  tools: 'tools',
  toolChoice: 'tool_choice',
  parallelToolCalls: 'disable_parallel_tool_use',
  'reasoning.enabled': 'thinking',
  'reasoning.effort': 'output_config.effort',
};
