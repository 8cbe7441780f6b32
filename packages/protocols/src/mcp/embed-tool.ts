import { EmbedRequest, GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { WireParams } from '../openai/wire-params.ts';
import { parseBody } from '../request-body/parse-body.ts';
import { countedUsage, OptionalModel, PromptUsage, RUNS_A_MODEL, Warnings } from './common-fields.ts';
import type { ToolDefinition } from './tool-definition.ts';

/** Most texts of one call. */
const MAX_INPUTS = 2048;

const Text = z.string().min(1);

export const EmbedArguments = z.strictObject({
  model: OptionalModel,
  input: z
    .union([Text, z.array(Text).min(1).max(MAX_INPUTS)], 'expected a non-empty string or an array of them')
    .describe('A text, or several.'),
  dimensions: EmbedRequest.shape.dimensions.describe(
    'Components that each vector is cut to, for models that allow it.',
  ),
});

export const EmbedOutput = z.strictObject({
  model: z.string(),
  embeddings: z.array(z.array(z.number())).describe('One vector for each text, in order.'),
  usage: PromptUsage,
  warnings: Warnings,
});
export type EmbedOutput = z.infer<typeof EmbedOutput>;

export const EMBED_TOOL: ToolDefinition = {
  name: 'embed',
  title: 'Turn texts into vectors',
  description: 'Turn texts into vectors whose closeness tells how alike the texts are in meaning.',
  scope: 'inference',
  input: EmbedArguments,
  output: EmbedOutput,
  annotations: { ...RUNS_A_MODEL, idempotentHint: true },
};

export const EMBED_TOOL_PARAMS: WireParams = { dimensions: 'dimensions', prompt: 'input' };

/** Throws `invalid_request` or `unknown_parameter`, with the argument in `details.path`. */
export const readEmbedArguments = (given: unknown, defaultModel: () => string): EmbedRequest => {
  const { model, input, dimensions } = parseBody(EmbedArguments, given);
  return {
    task: 'embed',
    model: model ?? defaultModel(),
    inputs: typeof input === 'string' ? [input] : input,
    ...(dimensions !== undefined && { dimensions }),
  };
};

/** The fewest digits that are the same 32-bit float when they are read again are at most nine. */
const shortFloat = (value: number): number => Number(value.toPrecision(9));

/** Throws `provider_failed` when a vector or the token count is missing. */
export const embedOutput = (
  { embeddings, usage, warnings, model }: InferenceResult,
  { inputs }: EmbedRequest,
): EmbedOutput => ({
  model,
  embeddings: inputs.map((_input, index) => {
    const vector = embeddings[index];
    if (vector) return Array.from(vector, shortFloat);
    throw new GolekError('provider_failed', `the provider gave no vector for input ${index} of ${inputs.length}`);
  }),
  usage: { prompt_tokens: countedUsage(usage).promptTokens },
  ...(warnings.length > 0 && { warnings }),
});
