import { ERROR_CATALOGUE, type GolekError } from '@golek/api';
import { wireMessage, type WireParams } from '../openai/wire-params.ts';

/** The result of a call, as `tools/call` answers it. A type, not an interface: clients may find further keys in it. */
export type ToolResult = {
  content: { type: 'text'; text: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
  _meta?: Record<string, unknown>;
};

/** Where a failed result has the failure as data. */
export const ERROR_META_KEY = 'golek/error';

/** `text`: what clients that read no structured content show; default: the same as JSON. */
export const toolResult = (output: Record<string, unknown>, text: string = JSON.stringify(output)): ToolResult => ({
  content: [{ type: 'text', text }],
  structuredContent: output,
});

/** What went wrong and what to do, for the model that called the tool: it may correct itself. */
export const toolFailure = (error: GolekError, params: WireParams = {}): ToolResult => {
  const { code, retryable, retryAfter } = error;
  const message = wireMessage(error, params);
  return {
    content: [{ type: 'text', text: `${message} (${code}). ${ERROR_CATALOGUE[code].action}` }],
    isError: true,
    _meta: { [ERROR_META_KEY]: { code, message, retryable, ...(retryAfter !== undefined && { retryAfter }) } },
  };
};
