import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { EmbedCall } from './model-call.ts';
import { statisticsFields, timesOf, type AnswerClock } from './statistics.ts';

/** The answer of POST /api/embed. */
export const EmbedResponse = z
  .strictObject({
    model: z.string(),
    embeddings: z.array(z.array(z.number())),
    total_duration: statisticsFields.total_duration,
    load_duration: statisticsFields.load_duration,
    prompt_eval_count: statisticsFields.prompt_eval_count,
    warnings: z.array(z.string()).exactOptional().describe('Extension. What could not be done as asked.'),
  })
  .meta({ id: 'OllamaEmbedResponse' });

/** The answer of POST /api/embeddings; no vector for a request that only loads or unloads the model. */
export const EmbeddingsResponse = z
  .strictObject({ embedding: z.array(z.number()) })
  .meta({ id: 'OllamaEmbeddingsResponse' });

const vectorsOf = ({ embeddings }: InferenceResult, { request }: EmbedCall): number[][] =>
  request.inputs.map((_input, index) => {
    const vector = embeddings[index];
    if (vector) return Array.from(vector);
    throw new GolekError(
      'provider_failed',
      `the provider gave no vector for input ${index} of ${request.inputs.length}`,
    );
  });

/** Throws `provider_failed` when a vector is missing. */
export const embedResponse = (
  result: InferenceResult,
  call: EmbedCall,
  clock: AnswerClock,
): z.infer<typeof EmbedResponse> => {
  const warnings = [...call.warnings, ...result.warnings];
  return {
    model: result.model,
    embeddings: vectorsOf(result, call),
    ...timesOf(clock),
    ...(result.usage && { prompt_eval_count: result.usage.promptTokens }),
    ...(warnings.length > 0 && { warnings }),
  };
};

/** Throws `provider_failed` when the vector is missing. */
export const embeddingsResponse = (result: InferenceResult, call: EmbedCall): z.infer<typeof EmbeddingsResponse> => ({
  embedding: vectorsOf(result, call).flat(),
});
