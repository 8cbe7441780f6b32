import { GolekError } from '@golek/api';
import { originHost } from '../http/foreign-page.ts';

/**
 * Refuses web pages of other origins, which the HTTP API sends no CORS headers: browsers let every page open a WebSocket and leave it to the server to look at
 * `Origin`. Programs send none.
 */
export const originRefusal = (
  { origin, host }: { readonly origin?: string | undefined; readonly host?: string | undefined },
  allowed: readonly string[],
): GolekError | undefined => {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return undefined;
  const from = originHost(origin);
  if (from !== undefined && from === host?.toLowerCase()) return undefined;
  return new GolekError(
    'permission_denied',
    `a web page of ${origin.slice(0, 80)} may not open a WebSocket here; add its origin to http.origins or websocket.origins`,
  );
};
