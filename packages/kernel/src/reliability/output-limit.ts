import { GolekError, type GenerateRequest, type InferenceRequest } from '@golek/api';
import type { InferenceCall } from '@golek/plugins-api';
import type { SessionCapabilities } from '@golek/providers-spi';

/** Most tokens that each answer of a call may have; undefined: what the context of the model has room for. */
export type OutputLimitOf = (call: InferenceCall) => number | undefined;

/** What bounds an answer: the runtime, and the protocol where the request names no limit. */
export interface OutputLimits {
  readonly most?: number | undefined;
  readonly unnamed?: number | undefined;
}

/**
 * The request as it may be asked of a model: an answer without a limit of its own gets the smaller one of the protocol's and the runtime's, one with a limit that a
 * phase has raised gets the runtime's. A model whose whole context is
 * not larger is bounded by it already, and is asked as before: some services refuse a limit that their model cannot reach. Throws `unsupported` for a
 * model that cannot be given a limit.
 */
export const withOutputLimit = (
  request: InferenceRequest,
  { most, unnamed = Infinity }: OutputLimits,
  model: string,
  { contextLength = Infinity, options }: SessionCapabilities,
): InferenceRequest => {
  if (request.task !== 'generate') return request;
  const { maxTokens } = request;
  const limit = Math.min(most ?? Infinity, maxTokens === undefined ? unnamed : Infinity);
  if ((maxTokens ?? contextLength) <= limit) return request;
  if (options.includes('maxTokens')) return { ...request, maxTokens: limit } satisfies GenerateRequest;
  throw new GolekError(
    'unsupported',
    `model '${model}' does not support 'maxTokens', and ${limit === most ? SERVER_LIMIT : PROTOCOL_LIMIT} bounds every answer to ${limit} tokens`,
    { details: { option: 'maxTokens', model } },
  );
};

const SERVER_LIMIT = 'limits.maxOutputTokens';
const PROTOCOL_LIMIT = 'the protocol, since the request names no max_tokens,';

/** Codes with which a service may refuse a limit that the caller never asked for. */
const BLAMED_ON_REQUEST: ReadonlySet<string> = new Set(['invalid_request', 'context_length_exceeded']);

/** What a caller is told when a request was refused that got a limit: it could not know of it otherwise. */
export const withLimitTold = (
  error: GolekError,
  asked: InferenceRequest,
  sent: InferenceRequest,
  { most }: OutputLimits,
): GolekError => {
  if (asked === sent || sent.task !== 'generate' || !BLAMED_ON_REQUEST.has(error.code)) return error;
  const { code, message, details, cause } = error;
  const whose = sent.maxTokens === most ? "this server's limits.maxOutputTokens" : "the protocol's default";
  return new GolekError(
    code,
    `${message} (the request was sent with max_tokens ${String(sent.maxTokens)}, ${whose}; name a smaller max_tokens)`,
    { details: { ...details }, cause },
  );
};
