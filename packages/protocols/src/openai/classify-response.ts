import { GolekError, type InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { AnswerIdentity } from './chat-completion.ts';
import type { ClassifyCall } from './classify-request.ts';

const LabelScore = z.strictObject({ label: z.string(), score: z.number() });

/** One input as a whole: `label` as vLLM names the best one, `prediction` as Jina does. */
const Classification = z.strictObject({
  object: z.literal('classification'),
  index: z.int(),
  label: z.string(),
  prediction: z.string(),
  score: z.number(),
  predictions: z.array(LabelScore).describe('The best first.'),
});

/** Pieces of one input, for models that label tokens or moments. */
const Entities = z.strictObject({
  object: z.literal('entities'),
  index: z.int(),
  entities: z.array(
    LabelScore.extend({
      start: z.int().describe('UTF-16 units of a text, milliseconds of a recording.'),
      end: z.int(),
      text: z.string().exactOptional(),
    }),
  ),
});

/** The answer of POST /v1/classify. */
export const ClassifyResponse = z
  .strictObject({
    id: z.string(),
    object: z.literal('list'),
    created: z.int(),
    model: z.string(),
    data: z.array(z.discriminatedUnion('object', [Classification, Entities])),
    usage: z.strictObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'ClassifyResponse' });
export type ClassifyResponse = z.infer<typeof ClassifyResponse>;

type Labels = InferenceResult['labels'];

const classificationOf = (index: number, labels: Labels, inputs: number): z.infer<typeof Classification> => {
  const predictions = labels
    .map(({ label, score }) => ({ label, score }))
    .sort((one, other) => other.score - one.score);
  const [best] = predictions;
  if (!best) throw new GolekError('provider_failed', `the provider gave no label for input ${index} of ${inputs}`);
  const { label, score } = best;
  return { object: 'classification', index, label, prediction: label, score, predictions };
};

const entitiesOf = (
  index: number,
  labels: Labels,
  input: ClassifyCall['request']['inputs'][number],
): z.infer<typeof Entities> => ({
  object: 'entities',
  index,
  entities: labels.map(({ label, score, start = 0, end = 0 }) => ({
    label,
    score,
    start,
    end,
    ...(typeof input === 'string' && { text: input.slice(start, end) }),
  })),
});

/** Throws `provider_failed` when labels of an input or the token count are missing. */
export const classifyResponse = (
  { labels, usage, warnings, model }: InferenceResult,
  { id, created }: AnswerIdentity,
  { request: { inputs } }: ClassifyCall,
): ClassifyResponse => {
  const byInput = Map.groupBy(labels, ({ index }) => index);
  // Only where pieces are labelled may an input, or every input, have no label.
  const inPieces = labels.every(({ start }) => start !== undefined);
  if (!usage) throw new GolekError('provider_failed', 'the provider gave no token counts');
  return {
    id,
    object: 'list',
    created,
    model,
    data: inputs.map((input, index) => {
      const own = byInput.get(index) ?? [];
      return inPieces ? entitiesOf(index, own, input) : classificationOf(index, own, inputs.length);
    }),
    usage: { prompt_tokens: usage.promptTokens, total_tokens: usage.promptTokens },
    ...(warnings.length > 0 && { warnings }),
  };
};
