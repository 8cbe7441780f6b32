import { ERROR_CATALOGUE, type ErrorCode } from './error-catalogue.ts';
import type { ErrorData } from './error-data.ts';

/** Facts about a failure that are safe to show: names, values and limits, never secrets or prompt text. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface GolekErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
}

/**
 * The only error class of Golek. `code` decides status, retryability and remedy; `message` names the thing, the value
 * and what to do.
 *
 * @example throw new GolekError('model_not_found', `no model or alias named '${name}'`, { details: { known } });
 */
export class GolekError extends Error {
  override readonly name = 'GolekError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, options: GolekErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status;
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable;
  }

  /** True when another target may answer the same request. */
  get elsewhere(): boolean {
    return ERROR_CATALOGUE[this.code].elsewhere;
  }

  get action(): string {
    return ERROR_CATALOGUE[this.code].action;
  }

  toJSON(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      status: this.status,
      retryable: this.retryable,
      action: this.action,
      ...(this.details && { details: { ...this.details } }),
      ...(this.retryAfter !== undefined && { retryAfter: this.retryAfter }),
    };
  }

  /** Rebuilds an error from its data, as received from another process. */
  static fromData(data: ErrorData): GolekError {
    return new GolekError(data.code, data.message, {
      ...(data.details && { details: data.details }),
      ...(data.retryAfter !== undefined && { retryAfter: data.retryAfter }),
    });
  }

  /**
   * Turns whatever was thrown into a GolekError; used once at each border.
   * A GolekError passes through; an aborted signal's reason becomes `cancelled` (or `deadline_exceeded` for a
   * TimeoutError, as AbortSignal.timeout gives); anything else becomes `fallback` with the original as `cause`.
   */
  static from(thrown: unknown, fallback: ErrorCode = 'internal'): GolekError {
    if (thrown instanceof GolekError) return thrown;
    if (thrown instanceof DOMException || thrown instanceof Error) {
      if (thrown.name === 'AbortError')
        return new GolekError('cancelled', 'the request was cancelled', { cause: thrown });
      if (thrown.name === 'TimeoutError')
        return new GolekError('deadline_exceeded', 'the time limit of the request was reached', { cause: thrown });
      return new GolekError(fallback, thrown.message, { cause: thrown });
    }
    return new GolekError(fallback, String(thrown), { cause: thrown });
  }
}
