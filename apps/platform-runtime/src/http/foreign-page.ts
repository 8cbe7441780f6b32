import type { IncomingHttpHeaders } from 'node:http';
import { isLocalHost } from './listen-guard.ts';

/** Host and port of what browsers send as `Origin`; undefined for `null` and what is no origin. */
export const originHost = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined;

/**
 * Whether a request is of a web page from elsewhere: what a visitor's browser can reach is not for every page that the visitor opens (DNS rebinding). Pages of this machine and
 * of this server itself are not, nor those of the origins given, nor programs, which send no origin.
 */
export const isForeignPage = ({ origin, host }: IncomingHttpHeaders, allowed: readonly string[] = []): boolean => {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return false;
  const from = originHost(origin);
  return from === undefined || !(isLocalHost(from) || from === host);
};
