import type { Usage } from '@golek/providers-spi';
import { asCount, asObject } from '@golek/providers-spi/remote';

/** Token counts of `usageMetadata`, of which the last of a stream are the answer's; undefined where nothing is told of the prompt. */
export const readUsage = (value: unknown): Usage | undefined => {
  const usage = asObject(value);
  const prompt = asCount(usage?.['promptTokenCount']);
  if (!usage || prompt === undefined) return undefined;
  const thoughts = asCount(usage['thoughtsTokenCount']);
  const cached = asCount(usage['cachedContentTokenCount']);
  return {
    // What tools of the service gave the model to read stands beside the prompt.
    promptTokens: prompt + (asCount(usage['toolUsePromptTokenCount']) ?? 0),
    // Thoughts stand beside the candidates. A count of 0 is left out on this wire.
    completionTokens: (asCount(usage['candidatesTokenCount']) ?? 0) + (thoughts ?? 0),
    ...(thoughts !== undefined && { reasoningTokens: thoughts }),
    ...(cached !== undefined && { cachedPromptTokens: cached }),
  };
};
