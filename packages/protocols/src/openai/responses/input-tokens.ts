import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';

/** The answer of POST /v1/responses/input_tokens. */
export const InputTokens = z
  .strictObject({ object: z.literal('response.input_tokens'), input_tokens: z.int() })
  .meta({ id: 'ResponseInputTokens' });

/** Throws `provider_failed` when the model did not count. */
export const inputTokens = ({ count }: InferenceResult): z.infer<typeof InputTokens> => {
  if (count === undefined) throw new GolekError('provider_failed', 'the provider gave no count of tokens');
  return { object: 'response.input_tokens', input_tokens: count };
};
