import type { GolekError } from '@golek/api';
import { ErrorBody, errorBody, SSE_HEARTBEAT, sseError, type WireParams } from '@golek/protocols/openai';
import type { z } from 'zod';

/** How a protocol tells a failure in place of an answer. */
export interface ErrorForm {
  readonly body: (error: GolekError, params: WireParams, requestId: string) => unknown;
  /** Default: that of the error's code. */
  readonly status?: (error: GolekError) => number;
  /** Has the request's id in every answer, beside `x-request-id`. */
  readonly requestIdHeader?: string;
  /** Of the body, for the OpenAPI document. */
  readonly schema: z.ZodType;
}

/** How a protocol streams an answer. */
export interface StreamForm {
  /** The whole content-type. */
  readonly contentType: string;
  /** Sent after a silence; absent where the protocol has nothing that clients ignore. */
  readonly heartbeat?: string;
  /** The last text of a stream that fails after it has begun. */
  readonly error: (error: GolekError, params: WireParams, requestId: string) => string;
}

/** OpenAI's, and that of the server's own routes. */
export const OPENAI_ERRORS: ErrorForm = { body: errorBody, schema: ErrorBody };

export const OPENAI_STREAM: StreamForm = {
  contentType: 'text/event-stream; charset=utf-8',
  heartbeat: SSE_HEARTBEAT,
  error: sseError,
};
