import type { ErrorCode } from '@golek/api';
import { GolekError } from '@golek/api/plain';

/** What happened on the wire, to follow "the upstream … ". */
const PHRASES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'reset the connection',
  EPIPE: 'closed the connection',
  ENOTFOUND: 'has a host name that is not known; check its baseUrl',
  EAI_AGAIN: 'has a host name that could not be looked up',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ETIMEDOUT: 'did not answer in time on the connection',
  UND_ERR_CONNECT_TIMEOUT: 'could not be connected to in time',
  UND_ERR_SOCKET: 'closed the connection',
  UND_ERR_HEADERS_TIMEOUT: 'sent nothing for so long that the connection was taken for dead',
  UND_ERR_BODY_TIMEOUT: 'sent nothing for so long that the connection was taken for dead',
  UND_ERR_HEADERS_OVERFLOW: 'sent headers that are too long',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'closed the connection in the middle of its answer',
};

/** A certificate that is wrong stays wrong: a retry does not help, a corrected setting does. */
const CERTIFICATE = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const codeOf = (thrown: unknown): string | undefined => {
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
};

const kindOf = (code: string): ErrorCode => {
  if (CERTIFICATE.has(code)) return 'provider_misconfigured';
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
    ? 'deadline_exceeded'
    : 'provider_failed';
};

/** The failure of an exchange below HTTP; names the upstream, its host and the cause's code. A GolekError passes through. */
export const transportFailure = (thrown: unknown, upstream: string, host: string): GolekError => {
  if (thrown instanceof GolekError) return thrown;
  const code = codeOf(thrown);
  const details = { upstream, host, ...(code !== undefined && { cause: code }) };
  if (code === undefined) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    return new GolekError('provider_failed', `upstream '${upstream}' (${host}) failed: ${text}`, {
      cause: thrown,
      details,
    });
  }
  const phrase = CERTIFICATE.has(code)
    ? 'has a certificate that is not trusted'
    : (PHRASES[code] ?? 'failed on the connection');
  return new GolekError(kindOf(code), `upstream '${upstream}' (${host}) ${phrase} (${code})`, {
    cause: thrown,
    details,
  });
};
