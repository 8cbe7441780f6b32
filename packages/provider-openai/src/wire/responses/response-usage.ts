import type { Usage } from '@golek/providers-spi';
import { asCount, asObject } from '@golek/providers-spi/remote';

/** Token counts as the upstream tells them; undefined where it tells none. */
export const responseUsage = (value: unknown): Usage | undefined => {
  const usage = asObject(value);
  const promptTokens = asCount(usage?.['input_tokens']);
  if (!usage || promptTokens === undefined) return undefined;
  const input = asObject(usage['input_tokens_details']);
  const cached = asCount(input?.['cached_tokens']);
  const written = asCount(input?.['cache_write_tokens']);
  const reasoning = asCount(asObject(usage['output_tokens_details'])?.['reasoning_tokens']);
  return {
    promptTokens,
    completionTokens: asCount(usage['output_tokens']) ?? 0,
    ...(cached !== undefined && { cachedPromptTokens: cached }),
    ...(written !== undefined && { cacheWritePromptTokens: written }),
    ...(reasoning !== undefined && { reasoningTokens: reasoning }),
  };
};
