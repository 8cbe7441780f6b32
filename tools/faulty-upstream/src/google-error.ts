import type { Wire } from './wire.ts';

/** The canonical code beside an HTTP status. */
const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const detail = (type: string, fields: object): object => ({
  '@type': `type.googleapis.com/google.rpc.${type}`,
  ...fields,
});

/** A `google.rpc.Status` in JSON. */
export const googleErrorBody: Wire['errorBody'] = (message, _type, code, { status = 500, retryAfter } = {}) =>
  JSON.stringify({
    error: {
      code: typeof code === 'number' ? code : status,
      message,
      status: STATUSES[typeof code === 'number' ? code : status] ?? 'UNKNOWN',
      details: [
        // Reasons are in capitals; codes in small letters are those of other services.
        ...(typeof code === 'string' && /^[A-Z_]+$/.test(code)
          ? [detail('ErrorInfo', { reason: code, domain: 'googleapis.com' })]
          : []),
        ...(retryAfter !== undefined && /^\d+$/.test(retryAfter)
          ? [detail('RetryInfo', { retryDelay: `${retryAfter}s` })]
          : []),
      ],
    },
  });
