import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';

/** The answer of POST /v1/messages/count_tokens. */
export const TokenCount = z.strictObject({ input_tokens: z.int() }).meta({ id: 'AnthropicTokenCount' });

/** Throws `provider_failed` when the count is missing. */
export const tokenCount = ({ count, model }: InferenceResult): z.infer<typeof TokenCount> => {
  if (count !== undefined) return { input_tokens: count };
  throw new GolekError('provider_failed', `the provider did not count the tokens for model '${model}'`);
};
