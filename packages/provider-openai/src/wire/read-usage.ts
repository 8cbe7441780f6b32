import type { Usage } from '@golek/providers-spi';
import { asCount, asObject } from '@golek/providers-spi/remote';

/** Token counts as the upstream tells them; undefined where it tells none. */
export const readUsage = (value: unknown): Usage | undefined => {
  const usage = asObject(value);
  const promptTokens = asCount(usage?.['prompt_tokens']);
  if (!usage || promptTokens === undefined) return undefined;
  const cached =
    asCount(asObject(usage['prompt_tokens_details'])?.['cached_tokens']) ??
    // DeepSeek.
    asCount(usage['prompt_cache_hit_tokens']);
  const reasoning = asCount(asObject(usage['completion_tokens_details'])?.['reasoning_tokens']);
  return {
    promptTokens,
    completionTokens: asCount(usage['completion_tokens']) ?? 0,
    ...(cached !== undefined && { cachedPromptTokens: cached }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  };
};
