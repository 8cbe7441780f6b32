import type { FinishReason } from '@golek/api';

/** Calls of tools end an answer like any other turn. */
export const DONE_REASONS = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'stop',
  'content-filter': 'content_filter',
} as const satisfies Record<FinishReason, string>;
