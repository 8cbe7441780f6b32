import { ErrorBody, errorBody, errorLine, NDJSON } from '@golek/protocols/ollama';
import { parseJsonBody } from '../json-body.ts';
import type { Exchange } from '../exchange.ts';
import type { ErrorForm, StreamForm } from '../wire-form.ts';

export const OLLAMA_ERRORS: ErrorForm = { body: errorBody, schema: ErrorBody };

/** For what Ollama does and this server does not. */
export const NOT_IMPLEMENTED: ErrorForm = {
  ...OLLAMA_ERRORS,
  status: ({ code, status }) => (code === 'unsupported' ? 501 : status),
};

/** Without a heart-beat: clients complain of an empty line. */
export const OLLAMA_STREAM: StreamForm = { contentType: NDJSON, error: errorLine };

/**
 * The body of a request. Ollama's users send it with curl, which says that it is a form: that is overlooked where no browser sends it, which would say whence. A page of
 * another origin can send a form, but not JSON, without being asked.
 */
export const bodyOf = ({ body, request: { headers } }: Exchange): unknown =>
  parseJsonBody(body, headers.origin === undefined ? { ...headers, 'content-type': 'application/json' } : headers);
