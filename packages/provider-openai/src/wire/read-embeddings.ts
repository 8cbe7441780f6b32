import type { InferenceEvent } from '@golek/providers-spi';
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
import { readUsage } from './read-usage.ts';

const FLOAT_BYTES = 4;

/** A list of numbers, or little-endian 32-bit floats in base64. */
const vectorOf = (value: unknown): Float32Array<ArrayBuffer> | undefined => {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) return undefined;
    return Float32Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) =>
      bytes.readFloatLE(index * FLOAT_BYTES),
    );
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const numbers: readonly unknown[] = value;
  return numbers.every((component) => typeof component === 'number') ? Float32Array.from(numbers) : undefined;
};

/** Every vector of an answer by its index, then the usage. Throws `provider_failed` where one is missing or differs in length. */
export const readEmbeddings = (
  text: string,
  inputs: number,
  dimensions: number | undefined,
  context: FailureContext,
): readonly InferenceEvent[] => {
  const json = parseJson(text);
  if (json === undefined) throw malformedFailure('broken JSON', text, context);
  const error = errorObjectOf(json);
  if (error) throw reportedFailure(error, context);
  const data = asList(asObject(json)?.['data']);
  const vectors: (Float32Array<ArrayBuffer> | undefined)[] = Array.from({ length: inputs });
  for (const [position, item] of data.entries()) {
    const index = asCount(asObject(item)?.['index']) ?? position;
    if (index < inputs) vectors[index] = vectorOf(asObject(item)?.['embedding']);
  }
  const length = dimensions ?? vectors[0]?.length;
  const events = vectors.map((vector, index): InferenceEvent => {
    if (vector && vector.length === length) return { type: 'embedding', index, vector };
    const problem = vector ? `has ${vector.length} components, not ${length ?? 0}` : 'is missing';
    throw malformedFailure(`embedding ${index} of ${inputs} ${problem}`, '', context);
  });
  const usage = readUsage(asObject(json)?.['usage']);
  return usage ? [...events, { type: 'usage', usage }] : events;
};
