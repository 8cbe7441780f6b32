import type { IncomingHttpHeaders } from 'node:http';
import { HINT_HEADERS } from '../http/request-hints.ts';
import type { Asker } from '../http/authentication.ts';

/** Who is at the other end of a socket: what it sent with its handshake. */
export interface SocketPeer {
  /** Id of the handshake, for the log. */
  readonly id: string;
  /** As every request on the socket is made: with the credentials of the handshake. */
  readonly request: Asker['request'];
  /** Hints that count for every request which names no other. */
  readonly hints: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
}

/** `token`: what the client handed over among its subprotocols; a header goes before it. */
export const socketPeer = (
  id: string,
  {
    headers,
    socket,
  }: { readonly headers: IncomingHttpHeaders; readonly socket: { readonly remoteAddress?: string | undefined } },
  token: string | undefined,
): SocketPeer => {
  const given = token !== undefined && headers.authorization === undefined;
  const { remoteAddress } = socket;
  return {
    id,
    request: {
      headers: given ? { ...headers, authorization: `Bearer ${token}` } : headers,
      socket: { remoteAddress },
    },
    hints: Object.fromEntries(
      Object.keys(HINT_HEADERS).flatMap((name) => {
        const value = headers[name];
        return typeof value === 'string' ? [[name, value] as const] : [];
      }),
    ),
    userAgent: headers['user-agent'],
  };
};
