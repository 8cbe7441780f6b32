import { GolekError, type FinishReason } from '@golek/api';

export const CHAT_FINISH_REASONS = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
} as const satisfies Record<FinishReason, string>;

/** A completion has no tools, so nothing ends it with a tool call. */
export const COMPLETION_FINISH_REASONS = {
  ...CHAT_FINISH_REASONS,
  'tool-calls': 'stop',
} as const satisfies Record<FinishReason, string>;

/** Throws `provider_failed` unless every answer asked for has ended: a cut stream is never reported as a success. */
export const checkFinished = (finished: number, choices: number): void => {
  if (finished !== choices) {
    throw new GolekError('provider_failed', `the provider's stream ended after ${finished} of ${choices} answers`);
  }
};
