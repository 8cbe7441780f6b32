import { ERROR_CODES, type GolekError } from '@golek/api';
import { z } from 'zod';
import { wireMessage, wireOption, type WireParams } from './wire-params.ts';

/** OpenAI's error object. `code` is a code of Golek's catalogue, `param` the request's parameter that is at fault. */
export const ErrorBody = z
  .strictObject({
    error: z.strictObject({
      message: z.string(),
      type: z.enum([
        'invalid_request_error',
        'authentication_error',
        'permission_error',
        'rate_limit_error',
        'server_error',
      ]),
      param: z.string().nullable(),
      code: z.enum(ERROR_CODES as [string, ...string[]]),
    }),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof ErrorBody>;

const typeOf = (status: number): ErrorBody['error']['type'] => {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const own = (params: WireParams, name: string): string | undefined =>
  Object.hasOwn(params, name) ? params[name] : undefined;

/** A field of the canonical request, such as `inputs[1]`, as the wire names it. */
const fieldOf = (field: string | undefined, params: WireParams): string | undefined => {
  const [name = ''] = /^\w+/.exec(field ?? '') ?? [];
  return field === undefined ? undefined : (own(params, name) ?? name) + field.slice(name.length);
};

/** The parameter at fault: the wire's name of an option that the model lacks, the path of a wrong value, or what the code is about. */
const paramOf = (error: GolekError, params: WireParams): string | undefined => {
  const { code, details } = error;
  const path = text(details?.['path']);
  // What is not known is called as it was sent, also where the canonical request has something of that name.
  if (path !== undefined && path !== '') return code === 'unknown_parameter' ? path : (own(params, path) ?? path);
  if (code === 'context_length_exceeded') return own(params, 'prompt');
  if (code === 'model_not_found' || (code === 'unsupported' && details?.['task'] !== undefined)) return 'model';
  return wireOption(error, params)?.name ?? fieldOf(text(details?.['field']), params);
};

/** The error as OpenAI's clients read it; they choose their error class by the status. */
export const errorBody = (error: GolekError, params: WireParams = {}): ErrorBody => ({
  error: {
    message: wireMessage(error, params),
    type: typeOf(error.status),
    param: paramOf(error, params) ?? null,
    code: error.code,
  },
});
