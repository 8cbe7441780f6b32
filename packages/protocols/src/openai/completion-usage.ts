import type { Usage } from '@golek/api';
import { z } from 'zod';

export const CompletionUsage = z
  .strictObject({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.strictObject({ cached_tokens: z.int() }).exactOptional(),
    completion_tokens_details: z.strictObject({ reasoning_tokens: z.int() }).exactOptional(),
  })
  .meta({ id: 'CompletionUsage' });

export const completionUsage = ({
  promptTokens,
  completionTokens,
  cachedPromptTokens,
  reasoningTokens,
}: Usage): z.infer<typeof CompletionUsage> => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  ...(cachedPromptTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedPromptTokens } }),
  ...(reasoningTokens !== undefined && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
});
