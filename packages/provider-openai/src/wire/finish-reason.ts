import type { FinishReason } from '@golek/providers-spi';

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
};

/** Ends that are failures: the answer is not whole (vLLM, OpenRouter, DeepSeek). */
const FAILURES = new Set(['abort', 'error', 'insufficient_system_resource']);

export type ReadFinish =
  | { readonly reason: FinishReason }
  /** The upstream gave up. */
  | { readonly failed: string }
  /** A name that nobody has documented. */
  | { readonly unknown: string };

export const readFinish = (text: string): ReadFinish => {
  const name = text.toLowerCase();
  const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : undefined;
  if (reason) return { reason };
  return FAILURES.has(name) ? { failed: text } : { unknown: text };
};
