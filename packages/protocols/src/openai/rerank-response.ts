import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { RerankCall } from './rerank-request.ts';

/** The answer of POST /v1/rerank, the best document first. */
export const RerankResponse = z
  .strictObject({
    id: z.string(),
    object: z.literal('list'),
    model: z.string(),
    results: z.array(
      z.strictObject({
        index: z.int(),
        relevance_score: z.number(),
        document: z.looseObject({ text: z.string() }).exactOptional(),
      }),
    ),
    usage: z.strictObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
    meta: z
      .strictObject({
        api_version: z.strictObject({ version: z.enum(['1', '2']) }),
        tokens: z.strictObject({ input_tokens: z.int(), output_tokens: z.int() }),
        warnings: z.array(z.string()).exactOptional(),
      })
      .describe("The same as 'usage' and 'warnings', where Cohere's clients look for it."),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'RerankResponse' });
export type RerankResponse = z.infer<typeof RerankResponse>;

/** `version`: of Cohere's API, as the path names it. Throws `provider_failed` when scores or the token count are missing. */
export const rerankResponse = (
  { scores, usage, warnings, model }: InferenceResult,
  id: string,
  { request, returned }: RerankCall,
  version: '1' | '2',
): RerankResponse => {
  const { documents, top = documents.length } = request;
  const wanted = Math.min(top, documents.length);
  // Providers may give all scores, and in any order.
  const results = [...scores]
    .sort((one, other) => other.score - one.score || one.index - other.index)
    .slice(0, wanted)
    .map(({ index, score }) => {
      if (documents[index] === undefined)
        throw new GolekError('provider_failed', `the provider scored document ${index} of ${documents.length}`);
      const document = returned?.[index];
      return { index, relevance_score: score, ...(document && { document }) };
    });
  if (results.length < wanted || new Set(results.map(({ index }) => index)).size < wanted)
    throw new GolekError('provider_failed', `the provider gave ${results.length} scores instead of ${wanted}`);
  if (!usage) throw new GolekError('provider_failed', 'the provider gave no token counts');
  return {
    id,
    object: 'list',
    model,
    results,
    usage: { prompt_tokens: usage.promptTokens, total_tokens: usage.promptTokens },
    meta: {
      api_version: { version },
      tokens: { input_tokens: usage.promptTokens, output_tokens: 0 },
      ...(warnings.length > 0 && { warnings }),
    },
    ...(warnings.length > 0 && { warnings }),
  };
};
