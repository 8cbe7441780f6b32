import type { ErrorCode } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { ResponseHead } from './exchange.ts';
import { googleNames, googleRetryAfter } from './google-status.ts';
import { asObject, asText, parseJson, type JsonObject } from './json.ts';
import { retryAfterOf } from './retry-after.ts';

/** Who failed, for messages. */
export interface FailureContext {
  readonly upstream: string;
  readonly host: string;
  /** Name of the model there; absent for requests that are about none. */
  readonly model?: string;
  /** Takes credentials out of a text. */
  readonly redact: (text: string) => string;
}

/** Meaning of the codes and types in error objects, by what vendors document; they come before the status. */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  context_length_exceeded: 'context_length_exceeded',
  // llama.cpp's server.
  exceed_context_size_error: 'context_length_exceeded',
  // The account has no more money: waiting does not help.
  insufficient_quota: 'provider_denied',
  invalid_api_key: 'provider_denied',
  authentication_error: 'provider_denied',
  permission_error: 'provider_denied',
  model_not_found: 'provider_misconfigured',
  unsupported_parameter: 'unsupported',
  unsupported_value: 'unsupported',
  rate_limit_exceeded: 'rate_limited',
  rate_limit_error: 'rate_limited',
  invalid_request_error: 'invalid_request',
  invalid_prompt: 'invalid_request',
  overloaded_error: 'overloaded',
  billing_error: 'provider_denied',
  not_found_error: 'provider_misconfigured',
  request_too_large: 'invalid_request',
  timeout_error: 'deadline_exceeded',
  // Google's: reasons, then the canonical codes that say more than the status beside them.
  API_KEY_INVALID: 'provider_denied',
  BILLING_DISABLED: 'provider_denied',
  SERVICE_DISABLED: 'provider_denied',
  // The account lacks something, such as a country where the service is free.
  FAILED_PRECONDITION: 'provider_denied',
  UNAUTHENTICATED: 'provider_denied',
  PERMISSION_DENIED: 'provider_denied',
  RESOURCE_EXHAUSTED: 'rate_limited',
  NOT_FOUND: 'provider_misconfigured',
  UNAVAILABLE: 'overloaded',
  DEADLINE_EXCEEDED: 'deadline_exceeded',
  // The service gave up by itself.
  CANCELLED: 'provider_failed',
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  401: 'provider_denied',
  402: 'provider_denied',
  403: 'provider_denied',
  404: 'provider_misconfigured',
  405: 'provider_misconfigured',
  408: 'deadline_exceeded',
  410: 'provider_misconfigured',
  413: 'invalid_request',
  415: 'provider_misconfigured',
  422: 'invalid_request',
  429: 'rate_limited',
  503: 'overloaded',
  504: 'deadline_exceeded',
  // Cloudflare, Anthropic.
  529: 'overloaded',
};

/** Types that only repeat what a status says better. */
const VAGUE = new Set(['invalid_request_error']);

const EXCERPT = 300;

/** Says what the vendor said, on one line, shortened and without credentials. */
const excerptOf = (text: string, { redact }: FailureContext): string => {
  const line = redact(text)
    .replaceAll(/[\u0000-\u001f\u007f\s]+/g, ' ')
    .trim();
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
};

/** Where services say which error it is, the most exact first. */
const namesIn = (error: JsonObject | undefined): readonly unknown[] => [
  error?.['code'],
  asObject(error?.['details'])?.['error_code'],
  error?.['type'],
  ...googleNames(error),
];

const codeOf = (status: number, error: JsonObject | undefined): ErrorCode => {
  for (const value of namesIn(error)) {
    if (typeof value !== 'string' || !Object.hasOwn(BY_CODE, value)) continue;
    if (VAGUE.has(value) && Object.hasOwn(BY_STATUS, status)) continue;
    return BY_CODE[value] as ErrorCode;
  }
  const byStatus = BY_STATUS[status];
  if (byStatus) return byStatus;
  if (status >= 300 && status < 400) return 'provider_misconfigured';
  return status >= 400 && status < 500 ? 'invalid_request' : 'provider_failed';
};

/** What a reader of the message should do about it. */
const remedyOf = (code: ErrorCode, { model }: FailureContext): string => {
  if (code === 'provider_denied') return '; check its apiKey and account';
  if (code !== 'provider_misconfigured') return '';
  return model === undefined ? '; check its baseUrl' : `; check its baseUrl and that it has the model '${model}'`;
};

/** `{error: {…}}` as OpenAI sends it, `{error: "…"}` (Ollama; another Golek adds the `code`), or the error object itself (older vLLM, llama.cpp). */
export const errorObjectOf = (json: unknown): JsonObject | undefined => {
  const outer = asObject(json);
  if (!outer) return undefined;
  const inner = outer['error'];
  if (typeof inner === 'string') return { message: inner, code: outer['code'] };
  const object = asObject(inner);
  if (object) return object;
  return outer['object'] === 'error' ? outer : undefined;
};

const failure = (
  said: string,
  status: number,
  error: JsonObject | undefined,
  context: FailureContext,
  more: { readonly retryAfter?: number | undefined; readonly requestId?: string | undefined },
): GolekError => {
  const code = codeOf(status, error);
  const { upstream, host } = context;
  // A vendor's refusal of a key may repeat the key.
  const quoted = code === 'provider_denied' ? undefined : asText(error?.['message']);
  const words = quoted === undefined ? '' : `: ${excerptOf(quoted, context)}`;
  const upstreamCode = namesIn(error)
    .map(asText)
    .find((name) => name !== undefined);
  return new GolekError(code, `upstream '${upstream}' ${said}${words}${remedyOf(code, context)}`, {
    details: {
      upstream,
      host,
      status,
      ...(upstreamCode !== undefined && { upstreamCode: excerptOf(upstreamCode, context) }),
      ...(more.requestId !== undefined && { upstreamRequestId: excerptOf(more.requestId, context) }),
    },
    ...(more.retryAfter !== undefined && { retryAfter: more.retryAfter }),
  });
};

/** The failure that an HTTP status other than 200 means. */
export const statusFailure = ({ status, headers }: ResponseHead, body: string, context: FailureContext): GolekError => {
  const error = errorObjectOf(parseJson(body));
  const id = headers['x-request-id'] ?? headers['request-id'];
  const said =
    status < 400 ? `answered with status ${status}, a redirect, which is not followed` : `answered ${status}`;
  return failure(said, status, error, context, {
    retryAfter: retryAfterOf(headers, Date.now()) ?? googleRetryAfter(error),
    requestId: Array.isArray(id) ? id[0] : id,
  });
};

/** The failure that an error object inside a 200 means. */
export const reportedFailure = (error: JsonObject, context: FailureContext): GolekError => {
  const code = error['code'];
  const status = typeof code === 'number' && code >= 400 && code < 600 ? code : Number.NaN;
  return failure('reported an error in its answer', Number.isNaN(status) ? 500 : status, error, context, {
    retryAfter: googleRetryAfter(error),
  });
};

/** The failure of an answer that is none. */
export const malformedFailure = (problem: string, excerpt: string, context: FailureContext): GolekError => {
  const { upstream, host } = context;
  const words = excerpt === '' ? '' : `: ${excerptOf(excerpt, context)}`;
  return new GolekError('provider_failed', `upstream '${upstream}' sent what is no answer: ${problem}${words}`, {
    details: { upstream, host },
  });
};
