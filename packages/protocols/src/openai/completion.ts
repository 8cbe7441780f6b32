import type { InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { AnswerIdentity } from './chat-completion.ts';
import { CompletionLogprobs, completionLogprobs } from './completion-logprobs.ts';
import type { CompletionAnswerOptions } from './completion-request.ts';
import { CompletionUsage, completionUsage } from './completion-usage.ts';
import { checkFinished, COMPLETION_FINISH_REASONS } from './finish-reason.ts';

const choiceFields = { index: z.int(), text: z.string(), logprobs: CompletionLogprobs.nullable() };
const CompletionFinishReason = z.enum(['stop', 'length', 'content_filter']);

const completionFields = {
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
};

/** The unary answer of POST /v1/completions. `warnings` is an extension, present when there are any. */
export const Completion = z
  .strictObject({
    ...completionFields,
    choices: z.array(z.strictObject({ ...choiceFields, finish_reason: CompletionFinishReason })),
    usage: CompletionUsage.exactOptional(),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'Completion' });
export type Completion = z.infer<typeof Completion>;

/** One chunk of a streamed answer: what `data:` carries. */
export const CompletionChunk = z
  .strictObject({
    ...completionFields,
    choices: z.array(z.strictObject({ ...choiceFields, finish_reason: CompletionFinishReason.nullable() })),
    usage: CompletionUsage.nullable().exactOptional(),
  })
  .meta({ id: 'CompletionChunk' });

/** Throws `provider_failed` when an answer is missing. */
export const completion = (
  result: InferenceResult,
  { id, created }: AnswerIdentity,
  { choices, topLogprobs }: CompletionAnswerOptions,
): Completion => {
  checkFinished(result.choices.length, choices);
  return {
    id: `cmpl-${id}`,
    object: 'text_completion',
    created,
    model: result.model,
    choices: result.choices.map(({ text, logprobs, finish }, index) => ({
      index,
      text,
      logprobs: topLogprobs === undefined ? null : completionLogprobs(logprobs, 0, topLogprobs > 0).logprobs,
      finish_reason: COMPLETION_FINISH_REASONS[finish],
    })),
    ...(result.usage && { usage: completionUsage(result.usage) }),
    ...(result.warnings.length > 0 && { warnings: result.warnings }),
  };
};
