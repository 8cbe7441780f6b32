import { BlockList, isIP } from 'node:net';
import { GolekError } from '@golek/api';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const isLoopback = (host: string): boolean => {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
};

/** Throws `config_invalid` for an address that others can reach while nobody is authenticated. */
export const refuseOpenAddress = (host: string, allowUnauthenticated: boolean): void => {
  if (allowUnauthenticated || isLoopback(host)) return;
  throw new GolekError(
    'config_invalid',
    `the server refuses to listen on '${host}' without authentication: everyone who reaches that address could use it; ` +
      'listen on 127.0.0.1, or set http.allowUnauthenticated where something else guards the address',
    { details: { host } },
  );
};

const LOCAL_HOST = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Without authentication, requests must name this machine as their host. A web page whose name is made to point here (DNS rebinding) so
 * cannot read the answers, nor can a proxy open the server to others unnoticed.
 */
export const refuseForeignHost = (host: string | undefined): GolekError | undefined => {
  if (host !== undefined && LOCAL_HOST.test(host)) return undefined;
  const shown = host === undefined ? 'no host' : `the host '${host.slice(0, 80)}'`;
  return new GolekError(
    'permission_denied',
    `the request names ${shown}: without authentication the server answers to localhost only; ` +
      'set http.allowUnauthenticated where something else guards it',
  );
};
