import { GolekError } from '@golek/api';
import type { FastifyError } from 'fastify';

/** What Fastify itself reports, by its codes. */
const FASTIFY_ERRORS: Readonly<Record<string, (limit: number) => GolekError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: (limit) =>
    new GolekError('request_too_large', `the body is larger than ${limit} bytes`, { details: { limit } }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new GolekError('invalid_request', 'the body is not as long as its content-length says'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new GolekError('unsupported_media_type', 'the content-type is malformed; send the body as application/json'),
  FST_ERR_BAD_URL: () => new GolekError('invalid_request', 'the path is not a valid URL; percent-encode it'),
};

/**
 * The error of a request that no handler has seen. `bodyLimit` in bytes. A connection that ended while its body was read is
 * `cancelled`; what is not known is `internal`.
 */
export const frameworkError = (error: FastifyError | Error, bodyLimit: number): GolekError => {
  if (error instanceof GolekError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = Object.hasOwn(FASTIFY_ERRORS, code) ? FASTIFY_ERRORS[code] : undefined;
  if (known) return known(bodyLimit);
  if (code === 'ECONNRESET') {
    return new GolekError('cancelled', 'the client closed the connection before its request was complete');
  }
  return new GolekError('internal', 'the server failed on this request; its log has the cause', { cause: error });
};
