import { GolekError } from '@golek/api';
import { JSON_LENGTH_HEADER, KserveError, kserveError, splitFrame } from '@golek/protocols/kserve';
import { SSE_HEARTBEAT } from '@golek/protocols/openai';
import type { Exchange } from '../exchange.ts';
import { checkEncoding, parseJsonBody } from '../json-body.ts';
import type { ErrorForm, StreamForm } from '../wire-form.ts';

export const KSERVE_ERRORS: ErrorForm = { body: kserveError, schema: KserveError };

export const KSERVE_STREAM: StreamForm = {
  contentType: 'text/event-stream; charset=utf-8',
  heartbeat: SSE_HEARTBEAT,
  error: (error) => `data: ${JSON.stringify(kserveError(error))}\n\n`,
};

const TYPES = new Set(['application/json', 'application/octet-stream', 'application/vnd.inference+json']);

/**
 * Triton's clients send their bodies without a type or as bytes. A web page can do that, too, without asking the server first: then its browser says where it comes from,
 * and such a request has to name a type that no page can send unasked.
 */
const checkType = ({ headers }: Exchange['request']): void => {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined ? headers.origin === undefined : TYPES.has(type)) return;
  throw new GolekError(
    'unsupported_media_type',
    `${type === undefined ? 'no content-type was sent' : `the content-type is '${type.slice(0, 80)}'`}; send the body as application/json, or as application/octet-stream with ${JSON_LENGTH_HEADER}`,
  );
};

/** The JSON of a body and what stands behind it. Throws `unsupported_media_type`, `invalid_json`, `invalid_request`. */
export const kserveBody = ({ body, request }: Exchange): { readonly json: unknown; readonly binary: Uint8Array } => {
  checkType(request);
  // Before the body is cut: the length is that of the JSON as it was before it was compressed.
  checkEncoding(request.headers['content-encoding']);
  const length = request.headers[JSON_LENGTH_HEADER];
  const { json, binary } = splitFrame(body ?? Buffer.alloc(0), Array.isArray(length) ? length[0] : length);
  const head = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  return { json: parseJsonBody(head, { 'content-type': 'application/json' }), binary };
};

/** The same where a body may be left out: an empty object then. */
export const optionalBody = (exchange: Exchange): unknown =>
  exchange.body === undefined || exchange.body.length === 0 ? {} : kserveBody(exchange).json;
