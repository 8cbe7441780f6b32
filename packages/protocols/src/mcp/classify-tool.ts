import { ClassifyRequest, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import { classifyResponse } from '../openai/classify-response.ts';
import { CLASSIFY_PARAMS } from '../openai/wire-params.ts';
import { parseBody } from '../request-body/parse-body.ts';
import { OptionalModel, PromptUsage, RUNS_A_MODEL, Warnings } from './common-fields.ts';
import type { ToolDefinition } from './tool-definition.ts';

/** Most texts of one call. */
const MAX_INPUTS = 2048;

export const ClassifyArguments = z.strictObject({
  model: OptionalModel,
  input: z
    .union([z.string(), z.array(z.string()).min(1).max(MAX_INPUTS)], 'expected a string or a non-empty array of them')
    .describe('A text, or several.'),
  top: ClassifyRequest.shape.top.describe('How many labels of each text. Default: all.'),
});

export const ClassifyOutput = z.strictObject({
  model: z.string(),
  results: z
    .array(
      z.strictObject({
        labels: z
          .array(
            z.strictObject({
              label: z.string(),
              score: z.number(),
              start: z
                .int()
                .optional()
                .describe('For models that label pieces: where the piece begins, in UTF-16 units.'),
              end: z.int().optional(),
              text: z.string().optional(),
            }),
          )
          .describe('The best first, or the pieces in order.'),
      }),
    )
    .describe('One for each text, in order.'),
  usage: PromptUsage,
  warnings: Warnings,
});
export type ClassifyOutput = z.infer<typeof ClassifyOutput>;

export const CLASSIFY_TOOL: ToolDefinition = {
  name: 'classify',
  title: 'Label texts',
  description:
    'Label texts, or pieces of them, with the labels that a model was trained for: a mood, a topic, names in the text.',
  scope: 'inference',
  input: ClassifyArguments,
  output: ClassifyOutput,
  annotations: { ...RUNS_A_MODEL, idempotentHint: true },
};

export const CLASSIFY_TOOL_PARAMS = { ...CLASSIFY_PARAMS, top: 'top' };

/** Throws `invalid_request` or `unknown_parameter`, with the argument in `details.path`. */
export const readClassifyArguments = (given: unknown, defaultModel: () => string): ClassifyRequest => {
  const { model, input, top } = parseBody(ClassifyArguments, given);
  return {
    task: 'classify',
    model: model ?? defaultModel(),
    inputs: typeof input === 'string' ? [input] : input,
    ...(top !== undefined && { top }),
  };
};

/** Throws `provider_failed` when labels of a text or the token count are missing. */
export const classifyOutput = (result: InferenceResult, request: ClassifyRequest): ClassifyOutput => {
  const answer = classifyResponse(result, { id: '', created: 0 }, { request, params: CLASSIFY_PARAMS });
  return {
    model: answer.model,
    results: answer.data.map((one) => ({ labels: one.object === 'entities' ? one.entities : one.predictions })),
    usage: { prompt_tokens: answer.usage.prompt_tokens },
    ...(answer.warnings && { warnings: answer.warnings }),
  };
};
