import { ERROR_CODES, type GolekError } from '@golek/api';
import { z } from 'zod';
import { wireMessage, type WireParams } from '../openai/wire-params.ts';

/** Anthropic's clients send the whole conversation again, without `thread`, when they read this code. */
const NO_THREADS = 'thread_unsupported_request';

/** Anthropic's error object. `details.error_code` is a code of Golek's catalogue, where Anthropic's client looks for one. */
export const AnthropicErrorBody = z
  .strictObject({
    type: z.literal('error'),
    error: z.strictObject({
      type: z.enum([
        'invalid_request_error',
        'authentication_error',
        'permission_error',
        'not_found_error',
        'request_too_large',
        'rate_limit_error',
        'timeout_error',
        'overloaded_error',
        'api_error',
      ]),
      message: z.string(),
      details: z.strictObject({ error_code: z.enum([...ERROR_CODES, NO_THREADS]) }),
    }),
    request_id: z.string().exactOptional(),
  })
  .meta({ id: 'AnthropicError' });
type ErrorType = z.infer<typeof AnthropicErrorBody>['error']['type'];

/** Anthropic's own status for a service that has too much to do. */
const OVERLOADED = 529;

const BY_STATUS: Readonly<Record<number, ErrorType>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  [OVERLOADED]: 'overloaded_error',
};

/** The HTTP status under which Anthropic's clients know the failure. */
export const errorStatus = ({ code, status }: GolekError): number => (code === 'overloaded' ? OVERLOADED : status);

const typeOf = (status: number): ErrorType =>
  BY_STATUS[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');

/** The error as Anthropic's clients read it. */
export const errorBody = (
  error: GolekError,
  params: WireParams = {},
  requestId?: string,
): z.infer<typeof AnthropicErrorBody> => ({
  type: 'error',
  error: {
    type: typeOf(errorStatus(error)),
    message: wireMessage(error, params),
    details: {
      error_code: error.code === 'unsupported' && error.details?.['path'] === 'thread' ? NO_THREADS : error.code,
    },
  },
  ...(requestId !== undefined && { request_id: requestId }),
});

/** How a stream that has begun reports a failure; nothing follows it, in particular no `message_stop`. */
export const errorEvent = (error: GolekError, params: WireParams = {}, requestId?: string): string =>
  `event: error\ndata: ${JSON.stringify(errorBody(error, params, requestId))}\n\n`;
