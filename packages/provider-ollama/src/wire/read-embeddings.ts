import type { EmbedRequest, InferenceEvent } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asList,
  asObject,
  embeddingEvents,
  malformedFailure,
  vectorOf,
  type FailureContext,
} from '@golek/providers-spi/remote';

/** Every vector of an answer in order, then the usage. Throws `provider_failed` where one is missing or differs in length. */
export const readEmbeddings = (
  text: string,
  { inputs, dimensions }: EmbedRequest,
  context: FailureContext,
): readonly InferenceEvent[] => {
  const json = answerJson(text, context);
  const vectors = asList(asObject(json)?.['embeddings']).map(vectorOf);
  if (vectors.length > inputs.length) {
    throw malformedFailure(`${vectors.length} embeddings of ${inputs.length} inputs`, '', context);
  }
  const events = embeddingEvents(vectors, { inputs: inputs.length, dimensions }, context);
  const promptTokens = asCount(asObject(json)?.['prompt_eval_count']);
  return promptTokens === undefined
    ? events
    : [...events, { type: 'usage', usage: { promptTokens, completionTokens: 0 } }];
};
