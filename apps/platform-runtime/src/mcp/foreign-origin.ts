import { GolekError } from '@golek/api';
import type { IncomingHttpHeaders } from 'node:http';
import { isLocalHost } from '../http/listen-guard.ts';

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

/**
 * Refuses a request of a web page from elsewhere: what a visitor's browser can reach is not for every page that the visitor opens (DNS rebinding). Pages of this
 * machine, of this server itself and those that the configuration names may use it; programs send no origin. Throws `permission_denied`.
 */
export const refuseForeignOrigin = ({ origin, host }: IncomingHttpHeaders, allowed: readonly string[]): void => {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return;
  const from = hostOf(origin);
  if (from !== undefined && (isLocalHost(from) || from === host)) return;
  throw new GolekError(
    'permission_denied',
    `a web page of '${origin.slice(0, 80)}' may not use the MCP server; add its origin to http.origins or mcp.allowedOrigins`,
  );
};
