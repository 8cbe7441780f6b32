import type { EmbedRequest, InferenceEvent } from '@golek/providers-spi';
import {
  asCount,
  asList,
  asObject,
  errorObjectOf,
  malformedFailure,
  parseJson,
  reportedFailure,
  type FailureContext,
} from '@golek/providers-spi/remote';

const vectorOf = (value: unknown): Float32Array<ArrayBuffer> | undefined => {
  const numbers = asList(value);
  if (numbers.length === 0) return undefined;
  return numbers.every((component) => typeof component === 'number') ? Float32Array.from(numbers) : undefined;
};

/** Every vector of an answer in order, then the usage. Throws `provider_failed` where one is missing or differs in length. */
export const readEmbeddings = (
  text: string,
  { inputs, dimensions }: EmbedRequest,
  context: FailureContext,
): readonly InferenceEvent[] => {
  const json = parseJson(text);
  if (json === undefined) throw malformedFailure('broken JSON', text, context);
  const error = errorObjectOf(json);
  if (error) throw reportedFailure(error, context);
  const vectors = asList(asObject(json)?.['embeddings']).map(vectorOf);
  if (vectors.length > inputs.length) {
    throw malformedFailure(`${vectors.length} embeddings of ${inputs.length} inputs`, '', context);
  }
  const length = dimensions ?? vectors[0]?.length;
  const events = inputs.map((_input, index): InferenceEvent => {
    const vector = vectors[index];
    if (vector && vector.length === length) return { type: 'embedding', index, vector };
    const problem = vector ? `has ${vector.length} components, not ${length ?? 0}` : 'is missing';
    throw malformedFailure(`embedding ${index} of ${inputs.length} ${problem}`, '', context);
  });
  const promptTokens = asCount(asObject(json)?.['prompt_eval_count']);
  return promptTokens === undefined
    ? events
    : [...events, { type: 'usage', usage: { promptTokens, completionTokens: 0 } }];
};
