import type { InferenceEvent } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asList,
  asObject,
  embeddingEvents,
  vectorOf,
  type FailureContext,
} from '@golek/providers-spi/remote';
import { readUsage } from './read-usage.ts';

const FLOAT_BYTES = 4;

/** A list of numbers, or little-endian 32-bit floats in base64. */
const encodedVector = (value: unknown): Float32Array<ArrayBuffer> | undefined => {
  if (typeof value !== 'string') return vectorOf(value);
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) return undefined;
  return Float32Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) =>
    bytes.readFloatLE(index * FLOAT_BYTES),
  );
};

/** Every vector of an answer by its index, then the usage. Throws `provider_failed` where one is missing or differs in length. */
export const readEmbeddings = (
  text: string,
  inputs: number,
  dimensions: number | undefined,
  context: FailureContext,
): readonly InferenceEvent[] => {
  const json = answerJson(text, context);
  const data = asList(asObject(json)?.['data']);
  const vectors: (Float32Array<ArrayBuffer> | undefined)[] = Array.from({ length: inputs });
  for (const [position, item] of data.entries()) {
    const index = asCount(asObject(item)?.['index']) ?? position;
    if (index < inputs) vectors[index] = encodedVector(asObject(item)?.['embedding']);
  }
  const events = embeddingEvents(vectors, { inputs, dimensions }, context);
  const usage = readUsage(asObject(json)?.['usage']);
  return usage ? [...events, { type: 'usage', usage }] : events;
};
