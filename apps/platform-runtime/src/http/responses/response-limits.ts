/** What bounds the responses that are kept. */
export interface ResponseLimits {
  /** Responses, over all tenants. */
  readonly maxStored: number;
  /** Bytes of JSON, each response with its whole conversation, over all tenants. */
  readonly maxBytes: number;
  readonly ttlMs: number;
  /** Runs in the background, over all tenants. */
  readonly maxBackground: number;
}

export const DEFAULT_RESPONSE_LIMITS: ResponseLimits = {
  maxStored: 10_000,
  maxBytes: 128 * 1024 ** 2,
  ttlMs: 24 * 3_600_000,
  maxBackground: 16,
};
