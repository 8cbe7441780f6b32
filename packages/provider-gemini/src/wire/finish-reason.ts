import type { FinishReason } from '@golek/providers-spi';

const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  CONTINUATION: 'length',
  SAFETY: 'content-filter',
  RECITATION: 'content-filter',
  LANGUAGE: 'content-filter',
  BLOCKLIST: 'content-filter',
  PROHIBITED_CONTENT: 'content-filter',
  SPII: 'content-filter',
  IMAGE_SAFETY: 'content-filter',
  IMAGE_PROHIBITED_CONTENT: 'content-filter',
  IMAGE_RECITATION: 'content-filter',
};

/** Ends that their finish reason says all of. */
const PLAIN = new Set(['STOP', 'MAX_TOKENS', 'SAFETY']);

/** Ends of what is no answer: another try may be one. */
const FAILED = new Set([
  'MALFORMED_FUNCTION_CALL',
  'MALFORMED_RESPONSE',
  'MISSING_THOUGHT_SIGNATURE',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'NO_IMAGE',
  'IMAGE_OTHER',
  'OTHER',
]);

/** `told`: the end says more than its finish reason. Undefined: there is no answer. */
export type ReadFinish = { readonly reason: FinishReason; readonly told: boolean } | undefined;

/** An end that nobody has documented is an end like others, with a warning, where something was said. */
export const readFinish = (text: string, somethingSaid: boolean): ReadFinish => {
  const reason = Object.hasOwn(REASONS, text) ? REASONS[text] : undefined;
  if (reason) return { reason, told: !PLAIN.has(text) };
  return FAILED.has(text) || !somethingSaid ? undefined : { reason: 'stop', told: true };
};
