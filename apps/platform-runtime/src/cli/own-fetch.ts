import { request } from 'node:https';
import { Readable } from 'node:stream';
import { GolekError } from '@golek/api';
import type { TlsMaterial } from '../http/server-tls.ts';

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Statuses whose answers may have no body. */
const EMPTY = new Set([204, 205, 304]);

/**
 * `fetch` for the server of this configuration. Over TLS it trusts the certificate of the configuration and no other, whatever name it has: the command asks by the address
 * of this machine, for which no authority gives certificates. Throws `unsupported` where the server wants a certificate of its clients, since a command has none.
 */
export const ownFetch = (url: string, asked: Asked, { certificate, clientCa }: TlsMaterial): Promise<Response> => {
  if (certificate === undefined) return fetch(url, asked);
  if (clientCa !== undefined)
    throw new GolekError(
      'unsupported',
      `the server at ${new URL(url).origin} takes only clients that show a certificate (http.tls.clientCa), and this command has none; ask its admin API with a client that has one`,
    );
  const { body, ...options } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const pinned = { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined, agent: false };
  request(url, { ...options, ...pinned }, (message) => {
    const { statusCode: status = 502, headers } = message;
    const entries = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    );
    const stream = EMPTY.has(status) ? null : (Readable.toWeb(message) as ReadableStream<Uint8Array>);
    resolve(new Response(stream, { status, headers: entries }));
  })
    .on('error', reject)
    .end(body);
  return promise;
};
