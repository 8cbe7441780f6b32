import { GolekError, isErrorCode } from '@golek/api';
import type { Configuration } from '@golek/system';
import { httpConfig } from '../config/http-config.ts';

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, e.g. `/plugins`. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

const addressOf = (configuration: Configuration): string => {
  const { host, port } = configuration.get(httpConfig);
  const local = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${local.includes(':') ? `[${local}]` : local}:${port}`;
};

/**
 * Asks the running server, at the address of the configuration. Throws the server's own error, and `provider_failed` that says how to start a server
 * when none answers.
 */
export const adminRequest = async (
  configuration: Configuration,
  { method, path, body, signal }: AdminRequest,
): Promise<unknown> => {
  const address = addressOf(configuration);
  let response: Response;
  try {
    response = await fetch(`${address}/admin/v1${path}`, {
      method,
      signal,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new GolekError('provider_failed', `no Golek server answers at ${address}; start one with: golek serve`, {
      cause,
    });
  }
  const text = await response.text();
  const value: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return value;
  const { code, message } = (value as { error?: { code?: unknown; message?: unknown } } | undefined)?.error ?? {};
  if (isErrorCode(code)) throw new GolekError(code, String(message));
  throw new GolekError(
    'provider_failed',
    `the server at ${address} answered ${response.status}: ${text.slice(0, 400)}`,
  );
};
