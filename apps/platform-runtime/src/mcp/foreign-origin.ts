import { GolekError } from '@golek/api';
import type { IncomingHttpHeaders } from 'node:http';
import { isForeignPage } from '../http/foreign-page.ts';

/** Throws `permission_denied` for pages from elsewhere that the configuration does not name. */
export const refuseForeignOrigin = (headers: IncomingHttpHeaders, allowed: readonly string[]): void => {
  if (!isForeignPage(headers, allowed)) return;
  throw new GolekError(
    'permission_denied',
    `a web page of '${String(headers.origin).slice(0, 80)}' may not use the MCP server; add its origin to http.origins or mcp.allowedOrigins`,
  );
};
