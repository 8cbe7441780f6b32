import { GolekError, isErrorCode } from '@golek/api';
import type { Configuration } from '@golek/system';
import { httpConfig } from '../config/http-config.ts';
import { ownFetch } from './own-fetch.ts';

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, e.g. `/plugins`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const addressOf = (configuration: Configuration): string => {
  const { host, port, tls } = configuration.get(httpConfig);
  const local = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${tls.certificate === undefined ? 'http' : 'https'}://${local.includes(':') ? `[${local}]` : local}:${port}`;
};

/**
 * Asks the running server, at the address and with the token of the configuration. Throws the server's own error, and `provider_failed` that says how to start a server
 * when none answers.
 */
export const adminResponse = async (
  configuration: Configuration,
  { method, path, body, headers = {}, signal }: AdminRequest,
): Promise<Response> => {
  const address = addressOf(configuration);
  const { adminToken, tls } = configuration.get(httpConfig);
  const asked = {
    method,
    signal,
    headers: {
      ...(adminToken !== undefined && { authorization: `Bearer ${adminToken}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
  let response: Response;
  try {
    response = await ownFetch(`${address}/admin/v1${path}`, asked, tls);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof GolekError) throw cause;
    throw new GolekError('provider_failed', `no Golek server answers at ${address}; start one with: golek serve`, {
      cause,
    });
  }
  if (response.ok) return response;
  const failure = failureOf(address, response.status, await response.text());
  if (failure.code !== 'unauthenticated') throw failure;
  const remedy =
    adminToken === undefined
      ? `this command found no 'http.adminToken' in its configuration; give the one of the server at ${address}`
      : `the server at ${address} does not take the 'http.adminToken' of this command's configuration`;
  throw new GolekError('unauthenticated', `${failure.message}; ${remedy}`);
};

/** The same for an answer in JSON; undefined for an empty one. */
export const adminRequest = async (configuration: Configuration, request: AdminRequest): Promise<unknown> => {
  const response = await adminResponse(configuration, request);
  const text = await response.text();
  const value = parsed(text);
  if (value === undefined && text !== '') throw failureOf(addressOf(configuration), response.status, text);
  return value;
};

/** Whether a server listens at the address of the configuration. */
export const serverAnswers = async (configuration: Configuration, signal: AbortSignal): Promise<boolean> => {
  try {
    const { tls } = configuration.get(httpConfig);
    const response = await ownFetch(`${addressOf(configuration)}/health/live`, { signal }, tls);
    await response.body?.cancel();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const failureOf = (address: string, status: number, text: string): GolekError => {
  const { code, message } =
    (parsed(text) as { error?: { code?: unknown; message?: unknown } } | undefined)?.error ?? {};
  return isErrorCode(code)
    ? new GolekError(code, String(message))
    : new GolekError('provider_failed', `the server at ${address} answered ${status}: ${text.slice(0, 400)}`);
};
