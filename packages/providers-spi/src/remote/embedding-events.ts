import type { InferenceEvent } from '@golek/api';
import { malformedFailure, type FailureContext } from './upstream-failure.ts';

/** A list of numbers; undefined for what is none, or has none. */
export const vectorOf = (value: unknown): Float32Array<ArrayBuffer> | undefined => {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const numbers: readonly unknown[] = value;
  return numbers.every((component) => typeof component === 'number') ? Float32Array.from(numbers) : undefined;
};

/**
 * The events of so many inputs' vectors, in order. Throws `provider_failed` where one is missing or has another length than `dimensions`, or than the first one
 * where nothing was asked for.
 */
export const embeddingEvents = (
  vectors: readonly (Float32Array<ArrayBuffer> | undefined)[],
  { inputs, dimensions }: { readonly inputs: number; readonly dimensions: number | undefined },
  context: FailureContext,
): InferenceEvent[] => {
  const length = dimensions ?? vectors[0]?.length;
  return Array.from({ length: inputs }, (_, index): InferenceEvent => {
    const vector = vectors[index];
    if (vector && vector.length === length) return { type: 'embedding', index, vector };
    const problem = vector ? `has ${vector.length} components, not ${length ?? 0}` : 'is missing';
    throw malformedFailure(`embedding ${index} of ${inputs} ${problem}`, '', context);
  });
};
