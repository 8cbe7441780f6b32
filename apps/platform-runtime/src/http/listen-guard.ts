import { BlockList, isIP } from 'node:net';
import { GolekError } from '@golek/api';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for an address that only this machine reaches. */
export const isLoopback = (host: string): boolean => {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
};

/** Throws `config_invalid` for an address that others can reach while nobody could be told from anybody. `guarded`: there are credentials that the server knows. */
export const refuseOpenAddress = (host: string, guarded: boolean): void => {
  if (guarded || isLoopback(host)) return;
  throw new GolekError(
    'config_invalid',
    `the server refuses to listen on '${host}' without authentication: everyone who reaches that address could use it; ` +
      'listen on 127.0.0.1, set http.adminToken, install an authenticator, or set http.allowUnauthenticated where something else guards the address',
    { details: { host } },
  );
};

/** Most requests name the host that the one before them named. */
let lastHost = '';
let lastIsLocal = false;

const LOCAL_HOST = /^(?:localhost|(?:[a-z0-9-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * True when a request names this machine as its host. Without authentication it must: a web page whose name is made to point here (DNS rebinding) so cannot read the
 * answers, nor can a proxy open the server to others unnoticed.
 */
export const isLocalHost = (host: string | undefined): boolean => {
  if (host === undefined) return false;
  if (host !== lastHost) {
    lastIsLocal = LOCAL_HOST.test(host);
    lastHost = host;
  }
  return lastIsLocal;
};
