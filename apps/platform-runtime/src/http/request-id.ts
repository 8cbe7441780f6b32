import { newRequestId } from '@golek/kernel';

/** What may stand in a header, a log line and a JSON string without being escaped. */
const VALID = /^[\w.:/+=@-]{1,128}$/;

/** The caller's `x-request-id` when it is well formed, else a new id. */
export const requestIdOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && VALID.test(header) ? header : newRequestId();
