import type { Server } from 'node:http';
import { GolekError } from '@golek/api';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
  /** E.g. `http://127.0.0.1:11500`. */
  readonly url: string;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EACCES: 'this user may not listen there; choose a port above 1023',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that name is not known',
};

const addressOf = (server: Server): HttpAddress => {
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new GolekError('internal', 'the HTTP server does not listen yet');
  const { address: host, port, family } = bound;
  return { host, port, url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}` };
};

/** The listening of a server. `start` throws `config_invalid` when the address cannot be used. */
export const listenOn = (
  server: Server,
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
