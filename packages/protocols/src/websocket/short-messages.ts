import type { GolekError, InferenceEvent } from '@golek/api';
import { errorBody } from '../openai/error-body.ts';
import type { WireParams } from '../openai/wire-params.ts';
import type { ErrorMessage, ServerMessage, StartedMessage } from './server-message.ts';

type Start = Extract<InferenceEvent, { type: 'start' }>;

export const startedMessage = ({ model, route }: Start, id: string, requestId: string): StartedMessage => ({
  type: 'started',
  id,
  request_id: requestId,
  model,
  ...(route && {
    route: {
      name: route.name,
      ...(route.strategy !== undefined && { strategy: route.strategy }),
      reasons: route.reasons,
      failed: route.failed.map(({ model: target, code }) => ({ model: target, code })),
    },
  }),
});

/** `id`: of the request that it is about, absent where it is about none. */
export const warningMessage = (message: string, id?: string): ServerMessage => ({
  type: 'warning',
  ...(id !== undefined && { id }),
  message,
});

/** What the failure ended; nothing for one about a message. */
export interface FailedRequest {
  readonly id?: string | undefined;
  readonly requestId?: string | undefined;
  readonly params?: WireParams;
}

/** The failure in the words of the HTTP API: `param` is the parameter at fault, by its name on the wire. */
export const errorMessage = (error: GolekError, { id, requestId, params }: FailedRequest = {}): ErrorMessage => {
  const { message, param, code } = errorBody(error, params).error;
  return {
    type: 'error',
    ...(id !== undefined && { id }),
    ...(requestId !== undefined && { request_id: requestId }),
    code,
    message,
    param,
    retryable: error.retryable,
    ...(error.retryAfter !== undefined && { retry_after: error.retryAfter }),
  };
};
