import { GolekError } from '@golek/api';

/** The subprotocol of this version. */
export const SUBPROTOCOL = 'golek.v1';

/** Before a bearer token in base64url, for browsers: they cannot send headers with a WebSocket. */
const BEARER = 'golek.bearer.';
const BASE64URL = /^[A-Za-z0-9_-]+$/;

const MAX_OFFERED = 32;

/**
 * The token that a client hands over in `Sec-WebSocket-Protocol`, where it does. Throws `invalid_request` for a client that speaks other protocols only, and for a token
 * that cannot be read.
 */
export const offeredToken = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined;
  const offered = header.split(',', MAX_OFFERED).map((name) => name.trim());
  const tokens = offered.filter((name) => name.startsWith(BEARER)).map((name) => name.slice(BEARER.length));
  if (tokens.length > 1 || tokens.some((token) => !BASE64URL.test(token)))
    throw new GolekError(
      'invalid_request',
      `the subprotocol '${BEARER}…' carries one bearer token in base64url, without padding; encode it so`,
    );
  const [token] = tokens;
  if (!offered.includes(SUBPROTOCOL)) {
    const others = offered
      .filter((name) => !name.startsWith(BEARER))
      .join(', ')
      .slice(0, 80);
    throw new GolekError(
      'invalid_request',
      others === ''
        ? `'${BEARER}…' is no protocol of its own; offer '${SUBPROTOCOL}' beside it`
        : `the subprotocols offered, ${others}, are not spoken here; offer '${SUBPROTOCOL}'`,
    );
  }
  return token === undefined ? undefined : Buffer.from(token, 'base64url').toString('utf8');
};
