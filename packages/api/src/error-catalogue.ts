/** What every failure of Golek is: a stable code with an HTTP status, whether a retry may help, and what to do. */
export interface ErrorEntry {
  /** HTTP status (RFC 9110; 499 is the de-facto status for a client that left). */
  readonly status: number;
  /** True when the same request may succeed later or elsewhere without a change. */
  readonly retryable: boolean;
  /** What the caller can do, as one sentence. */
  readonly action: string;
  /** True when another target may answer the same request: the fault lies with the one that was asked, not with the request. */
  readonly elsewhere: boolean;
}

/** `elsewhere` is left out where it is what `retryable` is. */
const entry = (status: number, retryable: boolean, action: string, elsewhere = retryable): ErrorEntry => ({
  status,
  retryable,
  action,
  elsewhere,
});

/** The closed set of error codes. Each code is explained in docs/reference/errors.md, made from this table. */
export const ERROR_CATALOGUE = {
  invalid_request: entry(400, false, 'Correct the named field and send the request again.'),
  invalid_json: entry(400, false, 'Send a body that is valid JSON in UTF-8.'),
  unknown_parameter: entry(400, false, 'Remove the named parameter or correct its spelling.'),
  unsupported: entry(400, false, 'Leave the named option out, or choose a model or provider that supports it.', true),
  context_length_exceeded: entry(
    400,
    false,
    'Shorten the prompt, lower max_tokens, or load the model with a larger context.',
    true,
  ),
  unauthenticated: entry(401, false, 'Send credentials that the server knows; the message says which kinds it takes.'),
  permission_denied: entry(403, false, 'Use credentials that are allowed to do this.'),
  model_not_found: entry(404, false, 'Use a name from the list of models, or register the model first.'),
  not_found: entry(404, false, 'Check the id; the message says what is gone after a time, and what to do then.'),
  route_not_found: entry(404, false, 'Check method and path against the OpenAPI document at /openapi.json.'),
  plugin_not_found: entry(404, false, 'Use a name from `golek plugins list`.'),
  method_not_allowed: entry(405, false, 'Use a method that the route supports.'),
  conflict: entry(409, false, 'Read the present state and decide again; the message says what stands in the way.'),
  gone: entry(410, false, 'Start again from the beginning: what was asked for is not kept any longer.'),
  request_timeout: entry(408, true, 'Send the whole request within the time limit.', false),
  request_too_large: entry(413, false, 'Send a smaller body or raise http.bodyLimitBytes.'),
  unsupported_media_type: entry(415, false, 'Send the body as application/json.'),
  model_invalid: entry(422, false, 'Get the model file again from its source; its content cannot be read.', true),
  plugin_invalid: entry(422, false, 'Correct the plugin: the message names what it lacks or does wrong.'),
  rate_limited: entry(429, true, 'Send fewer requests at once, or again after the time in Retry-After.'),
  cancelled: entry(499, false, 'Nothing to do: the caller ended the request.'),
  internal: entry(500, false, 'Report this with the request id; the log has the cause.', true),
  model_load_failed: entry(500, false, 'Read the cause in the message and in the log of the engine.', true),
  config_invalid: entry(422, false, 'Correct the named configuration key.'),
  composition_invalid: entry(
    500,
    false,
    'Correct the modules that the runtime is composed of; the message names them.',
  ),
  plugin_failed: entry(502, true, 'Try again; if it goes on, look at the plugin with `golek plugins list`.', false),
  provider_denied: entry(
    502,
    false,
    "Correct the provider's credentials: it refused the ones that are configured.",
    true,
  ),
  provider_misconfigured: entry(
    502,
    false,
    "Correct the provider's settings: its address, its certificate or the model's name there; the message says which.",
    true,
  ),
  provider_failed: entry(502, true, 'Try again; if it goes on, look at the health of the provider.'),
  engine_crashed: entry(503, true, 'Try again in a few seconds: the engine process is being restarted.'),
  breaker_open: entry(
    503,
    true,
    'Try again after the time in Retry-After: the target failed too often and is being spared.',
  ),
  insufficient_memory: entry(503, true, 'Free memory, unload another model, or lower the context size.'),
  overloaded: entry(503, true, 'Try again later, after the time in Retry-After where it is given.'),
  shutting_down: entry(503, true, 'Try again on another node or after the restart.', false),
  deadline_exceeded: entry(504, true, 'Try again, ask for less, or allow more time.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** All codes in catalogue order. */
export const ERROR_CODES = Object.keys(ERROR_CATALOGUE) as readonly ErrorCode[];

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERROR_CATALOGUE, value);
