import type { FinishReason } from '@golek/providers-spi';

const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
  pause_turn: 'stop',
};

/** Ends that say more than their finish reason does. */
const ODD = new Set(['model_context_window_exceeded', 'pause_turn']);

export interface ReadStop {
  readonly reason: FinishReason;
  readonly warning?: string;
}

/** An end that nobody has documented is an end like others, with a warning. */
export const readStop = (text: string): ReadStop => {
  const reason = Object.hasOwn(REASONS, text) ? REASONS[text] : undefined;
  if (reason && !ODD.has(text)) return { reason };
  return { reason: reason ?? 'stop', warning: `upstream ended the answer with '${text.slice(0, 64)}'` };
};
