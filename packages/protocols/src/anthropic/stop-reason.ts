import type { FinishReason } from '@golek/api';
import { z } from 'zod';

export const StopReason = z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'refusal']);

const REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
} as const satisfies Record<FinishReason, z.infer<typeof StopReason>>;

export interface Stop {
  readonly stop_reason: z.infer<typeof StopReason>;
  /** The sequence that ended the answer. */
  readonly stop_sequence: string | null;
}

export const stopOf = (reason: FinishReason, sequence: string | undefined): Stop =>
  sequence === undefined
    ? { stop_reason: REASONS[reason], stop_sequence: null }
    : { stop_reason: 'stop_sequence', stop_sequence: sequence };
