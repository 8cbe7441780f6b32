import type { EmbedRequest, InferenceEvent } from '@golek/providers-spi';
import {
  answerJson,
  asList,
  asObject,
  embeddingEvents,
  vectorOf,
  type FailureContext,
} from '@golek/providers-spi/remote';
import { readUsage } from './read-usage.ts';

type Vector = Float32Array<ArrayBuffer>;

/** The service cuts vectors and leaves their length to the caller. */
const normalized = (vector: Vector): Vector => {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((component) => component / length) : vector;
};

/** Every vector of a batch in its order, then the usage. Throws `provider_failed` where one is missing or differs in length. */
export const readEmbeddings = (
  text: string,
  { inputs, dimensions }: EmbedRequest,
  context: FailureContext,
): readonly InferenceEvent[] => {
  const json = asObject(answerJson(text, context));
  const vectors = asList(json?.['embeddings']).map((value) => {
    const vector = vectorOf(asObject(value)?.['values']);
    return vector && dimensions !== undefined ? normalized(vector) : vector;
  });
  const events = embeddingEvents(vectors, { inputs: inputs.length, dimensions }, context);
  const usage = readUsage(json?.['usageMetadata']);
  return usage ? [...events, { type: 'usage', usage }] : events;
};
