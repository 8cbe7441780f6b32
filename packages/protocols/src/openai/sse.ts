import type { GolekError, InferenceEvent } from '@golek/api';
import { errorBody } from './error-body.ts';
import type { WireParams } from './wire-params.ts';

/** Turns the events of one answer into the text of server-sent events. */
export interface StreamEncoder {
  /** Empty for an event that has no form on the wire. */
  encode(event: InferenceEvent): string;
  /** The last events of a complete answer. Throws `provider_failed` when an answer has not ended. */
  end(): string;
}

export const SSE_DONE = 'data: [DONE]\n\n';

/** A comment: keeps a silent connection alive and is ignored by clients. */
export const SSE_HEARTBEAT = ': heartbeat\n\n';

/** A remark for people who read the stream; clients ignore it. */
export const sseWarning = (message: string): string => `: warning: ${message.replaceAll(/[\r\n]+/g, ' ')}\n\n`;

/** How a stream that has begun reports a failure; nothing follows it, in particular no [DONE]. */
export const sseError = (error: GolekError, params: WireParams): string =>
  `data: ${JSON.stringify(errorBody(error, params))}\n\n`;
