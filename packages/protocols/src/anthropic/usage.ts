import type { Usage } from '@golek/api';
import { z } from 'zod';

/** Token counts; what the service of the name counts and this server does not is null. Zeros where an engine tells no counts. */
export const MessageUsage = z
  .strictObject({
    input_tokens: z.int().describe('Prompt tokens that were evaluated: without those of the two cache counts.'),
    cache_creation_input_tokens: z.int(),
    cache_read_input_tokens: z.int(),
    output_tokens: z.int(),
    output_tokens_details: z.strictObject({ thinking_tokens: z.int() }).nullable(),
    cache_creation: z.null(),
    server_tool_use: z.null(),
    service_tier: z.null(),
    inference_geo: z.null(),
    speed: z.null(),
  })
  .meta({ id: 'AnthropicUsage' });

export const messageUsage = (usage: Usage | undefined): z.infer<typeof MessageUsage> => {
  const { promptTokens = 0, cachedPromptTokens = 0, cacheWritePromptTokens = 0, completionTokens = 0 } = usage ?? {};
  return {
    input_tokens: promptTokens - cachedPromptTokens - cacheWritePromptTokens,
    cache_creation_input_tokens: cacheWritePromptTokens,
    cache_read_input_tokens: cachedPromptTokens,
    output_tokens: completionTokens,
    output_tokens_details: usage?.reasoningTokens === undefined ? null : { thinking_tokens: usage.reasoningTokens },
    cache_creation: null,
    server_tool_use: null,
    service_tier: null,
    inference_geo: null,
    speed: null,
  };
};
