import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:tls';
import { GolekError } from '@golek/api';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
  /** E.g. `http://127.0.0.1:11500`. */
  readonly url: string;
}

type Listening = Pick<Server, 'address' | 'once' | 'off' | 'listen'>;

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EACCES: 'this user may not listen there; choose a port above 1023',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that name is not known',
};

const addressOf = (server: Listening): HttpAddress => {
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new GolekError('internal', 'the HTTP server does not listen yet');
  const { address: host, port, family } = bound;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return { host, port, url: `${scheme}://${family === 'IPv6' ? `[${host}]` : host}:${port}` };
};

/** The listening of a server. `start` throws `config_invalid` when the address cannot be used. */
export const listenOn = (
  server: Listening,
  { host, port }: { readonly host: string; readonly port: number },
): { readonly address: HttpAddress; start(): Promise<void> } => ({
  get address() {
    return addressOf(server);
  },
  start: () =>
    new Promise((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException): void => {
        const remedy = REMEDIES[cause.code ?? ''] ?? cause.message;
        reject(new GolekError('config_invalid', `cannot listen on ${host}, port ${port}: ${remedy}`, { cause }));
      };
      server.once('error', onError);
      server.listen({ host, port }, () => {
        server.off('error', onError);
        resolve();
      });
    }),
});
