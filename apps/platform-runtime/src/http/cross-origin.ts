import type { IncomingMessage } from 'node:http';
import { GolekError } from '@golek/api';
import type { Exchange } from './exchange.ts';
import { isForeignPage } from './foreign-page.ts';
import type { RouteTable } from './route-table.ts';

/** So long may a browser go by the answer to its preflight, seconds: an origin that is taken off the list goes on to send for so long, but reads nothing. */
const MAX_AGE_S = '600';
/** Headers that one preflight asks for. */
const MOST_NAMES = 64;
const LONGEST_NAME = 128;
/** RFC 9110, a token. */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

const ALLOW_ORIGIN = 'access-control-allow-origin';

/** The method that a preflight is about; undefined for every other request. */
const askedMethod = ({ method, headers }: IncomingMessage): string | undefined =>
  method === 'OPTIONS' ? headers['access-control-request-method'] : undefined;

const administers = (method: string, url: string, tables: readonly RouteTable[]): boolean =>
  tables.some((table) => table.find(method, url)?.route.scope === 'admin');

/**
 * Lets a web page read the answer, whatever it will be, where its origin is among `origins`; `*` stands for all, but not for routes that administer the server.
 * Cookies and what else a browser adds by itself are not allowed: pages send their token. So `*` may stand for all headers of the answer.
 */
export const openToPage = (
  { request, response }: Exchange,
  origins: readonly string[],
  tables: readonly RouteTable[],
): void => {
  const { method = '', url = '' } = request;
  const { origin = '' } = request.headers;
  const named = origins.includes(origin);
  if (!named && (!origins.includes('*') || administers(askedMethod(request) ?? method, url, tables))) return;
  response.setHeader(ALLOW_ORIGIN, named ? origin : '*');
  response.setHeader('access-control-expose-headers', '*');
  response.setHeader('vary', 'Origin');
};

/** What a preflight asks to send. Throws `invalid_request` for what are no names of headers, and for too many. */
const askedNames = (text = ''): readonly string[] => {
  const names = text.split(',').flatMap((part) => part.trim() || []);
  if (names.length > MOST_NAMES) {
    throw new GolekError(
      'invalid_request',
      `access-control-request-headers names ${names.length} headers; send at most ${MOST_NAMES}`,
    );
  }
  const bad = names.find((name) => name.length > LONGEST_NAME || !NAME.test(name));
  if (bad === undefined) return names;
  throw new GolekError(
    'invalid_request',
    `access-control-request-headers has '${bad.slice(0, 80)}', which is no name of a header of at most ${LONGEST_NAME} characters`,
  );
};

/**
 * Answers what browsers ask before they send a page's request, by what `openToPage` said of it. Throws `invalid_request` for headers without sense. @returns false
 * when there is nothing to answer: it is no preflight, the page may not, or no route takes the method.
 */
export const answerPreflight = ({ id, request, response }: Exchange, tables: readonly RouteTable[]): boolean => {
  const asked = askedMethod(request);
  const allowed = response.getHeader(ALLOW_ORIGIN);
  const { url = '' } = request;
  if (asked === undefined || allowed === undefined || !tables.some((table) => table.find(asked, url))) return false;
  const names = askedNames(request.headers['access-control-request-headers']);
  const methods = new Set(tables.flatMap((table) => table.methodsOf(url)));
  const usable = [...methods].filter((method) => allowed !== '*' || !administers(method, url, tables));
  response.writeHead(204, {
    'x-request-id': id,
    'access-control-allow-methods': usable.join(', '),
    ...(names.length > 0 && { 'access-control-allow-headers': names.join(', ') }),
    'access-control-max-age': MAX_AGE_S,
  });
  response.end();
  return true;
};

/**
 * For routes that take what pages may send without a preflight, such as forms. Throws `permission_denied` for a page from elsewhere that may not read the answer. One that sends a
 * token was asked for by a preflight, or is no page.
 */
export const refuseUnaskedPage = ({ request: { headers }, response }: Exchange): void => {
  if (headers.authorization !== undefined || response.hasHeader(ALLOW_ORIGIN) || !isForeignPage(headers)) return;
  throw new GolekError(
    'permission_denied',
    `a web page of '${String(headers.origin).slice(0, 80)}' may not upload files here; add its origin to http.origins`,
  );
};
