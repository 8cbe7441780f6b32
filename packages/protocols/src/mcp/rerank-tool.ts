import { RerankRequest, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import { rerankResponse } from '../openai/rerank-response.ts';
import { RERANK_PARAMS } from '../openai/wire-params.ts';
import { parseBody } from '../request-body/parse-body.ts';
import { OptionalModel, PromptUsage, RUNS_A_MODEL, Warnings } from './common-fields.ts';
import type { ToolDefinition } from './tool-definition.ts';

/** Most documents of one call. */
const MAX_DOCUMENTS = 2048;

export const RerankArguments = z.strictObject({
  model: OptionalModel,
  query: z.string().min(1),
  documents: z.array(z.string()).min(1).max(MAX_DOCUMENTS),
  top: RerankRequest.shape.top.describe('How many of the best to give. Default: all.'),
});

export const RerankOutput = z.strictObject({
  model: z.string(),
  results: z
    .array(
      z.strictObject({ index: z.int().describe("Place in 'documents'."), score: z.number(), document: z.string() }),
    )
    .describe('The best first.'),
  usage: PromptUsage,
  warnings: Warnings,
});
export type RerankOutput = z.infer<typeof RerankOutput>;

export const RERANK_TOOL: ToolDefinition = {
  name: 'rerank',
  title: 'Order documents by relevance',
  description: 'Order documents by how well they answer a query.',
  scope: 'inference',
  input: RerankArguments,
  output: RerankOutput,
  annotations: { ...RUNS_A_MODEL, idempotentHint: true },
};

/** Throws `invalid_request` or `unknown_parameter`, with the argument in `details.path`. */
export const readRerankArguments = (given: unknown, defaultModel: () => string): RerankRequest => {
  const { model, query, documents, top } = parseBody(RerankArguments, given);
  return { task: 'rerank', model: model ?? defaultModel(), query, documents, ...(top !== undefined && { top }) };
};

/** Throws `provider_failed` when scores or the token count are missing. */
export const rerankOutput = (result: InferenceResult, request: RerankRequest): RerankOutput => {
  const { model, results, usage, warnings } = rerankResponse(result, '', { request, params: RERANK_PARAMS }, '1');
  return {
    model,
    results: results.map(({ index, relevance_score: score }) => ({
      index,
      score,
      document: request.documents[index] ?? '',
    })),
    usage: { prompt_tokens: usage.prompt_tokens },
    ...(warnings && { warnings }),
  };
};
