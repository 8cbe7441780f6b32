import type { InferenceEvent } from '@golek/api';

/** Payload that one credit stands for, beside the one that every event costs. */
export const BYTES_PER_CREDIT = 16 * 1024;

/**
 * Bytes of a structured-clonable value on the wire, roughly: two for each UTF-16 unit (the most that V8 writes), eight for a
 * number, its contents for the rest.
 */
export const wireBytes = (value: unknown): number => {
  if (typeof value === 'string') return value.length * 2;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  let bytes = 8;
  if (Array.isArray(value)) {
    if (typeof value[0] === 'number') return 8 + value.length * 8;
    for (const item of value) bytes += wireBytes(item);
    return bytes;
  }
  for (const key in value) bytes += key.length + wireBytes((value as Record<string, unknown>)[key]);
  return bytes;
};

/**
 * Credits that an event takes of its run's window until the consumer has it: one, and more for a large payload, so that tensors
 * and long token lists do not pile up by the number of events alone. Both sides of the border compute the same.
 */
export const creditsOf = (event: InferenceEvent): number => {
  switch (event.type) {
    case 'text':
      return event.logprobs === undefined && event.text.length < 1_024
        ? 1
        : 1 + Math.floor(wireBytes(event) / BYTES_PER_CREDIT);
    case 'finish':
    case 'usage':
    case 'score':
      return 1;
    default:
      return 1 + Math.floor(wireBytes(event) / BYTES_PER_CREDIT);
  }
};
