import { isUtf8 } from 'node:buffer';
import { GolekError } from '@golek/api';

/** Levels of arrays and objects in a body: what walks them later may recurse, and no request needs more. */
const MAX_DEPTH = 128;

const BYTE_ORDER_MARK = '\uFEFF';

/** Throws for a value that is nested deeper than the limit or that would set a prototype when it is copied. */
const inspect = (value: unknown, depth: number, what: string): void => {
  if (typeof value !== 'object' || value === null) return;
  if (depth === MAX_DEPTH) {
    throw new GolekError('invalid_request', `the ${what} is nested deeper than ${MAX_DEPTH} levels; flatten it`);
  }
  if (Array.isArray(value)) {
    for (const item of value) inspect(item, depth + 1, what);
    return;
  }
  // JSON.parse makes plain objects, so this sees own keys only; it is the fastest walk.
  for (const key in value) {
    if (key === '__proto__') {
      throw new GolekError('invalid_request', `the ${what} has the key '__proto__', which is not allowed; rename it`);
    }
    inspect((value as Record<string, unknown>)[key], depth + 1, what);
  }
};

/** Throws `unsupported_media_type` for a body that is compressed. */
export const checkEncoding = (encoding: string | undefined): void => {
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
  const shown = encoding.slice(0, 40);
  throw new GolekError('unsupported_media_type', `bodies encoded as '${shown}' are not read; send it uncompressed`);
};

const checkMediaType = (contentType: string | undefined): void => {
  if (contentType === 'application/json') return;
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  if (type.trim() !== 'application/json') {
    const sent = type.trim() === '' ? 'no content-type was sent' : `the content-type is '${type.trim().slice(0, 80)}'`;
    throw new GolekError('unsupported_media_type', `${sent}; send the body as application/json`);
  }
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new GolekError('unsupported_media_type', `'${charset.slice(0, 80)}' is not read; send the body in UTF-8`);
  }
};

/** What is wrong with the text, without the text itself: it may be a prompt. */
const reasonOf = (error: unknown): string =>
  error instanceof SyntaxError ? (/ (?:in|at) (?:JSON at )?(position \d+)/.exec(error.message)?.[1] ?? 'its end') : '';

/** Reads JSON that came from a caller, once. `what`: what it is called in errors, which are `invalid_json` and `invalid_request` as for bodies. */
export const parseJson = (bytes: Buffer, what: string): unknown => {
  if (!isUtf8(bytes)) throw new GolekError('invalid_json', `the ${what} is not valid UTF-8`);
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
  } catch (cause) {
    throw new GolekError('invalid_json', `the ${what} is not valid JSON: it goes wrong at ${reasonOf(cause)}`, {
      cause,
    });
  }
  inspect(value, 0, what);
  return value;
};

/**
 * Reads a body, once. Throws `unsupported_media_type`, `invalid_json` for what is no JSON in UTF-8, and `invalid_request` for nesting deeper
 * than 128 levels or a key `__proto__`.
 */
export const parseJsonBody = (
  body: Buffer | undefined,
  headers: { readonly 'content-type'?: string | undefined; readonly 'content-encoding'?: string | undefined },
): unknown => {
  if (body === undefined || body.length === 0) {
    throw new GolekError('invalid_json', 'the body is empty; send a JSON object');
  }
  checkEncoding(headers['content-encoding']);
  checkMediaType(headers['content-type']);
  return parseJson(body, 'body');
};
