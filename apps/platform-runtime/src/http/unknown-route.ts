import { GolekError, nearest } from '@golek/api';
import type { Exchange } from './exchange.ts';
import type { RouteTable } from './route-table.ts';

const SHOWN = 128;

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/** Answers a path that no route has, with the nearest one, or a method that the path does not have, with those it has. */
export const answerUnknownRoute = (exchange: Exchange, tables: readonly RouteTable[]): void => {
  const { path, request } = exchange;
  const { method = '' } = request;
  if (!isDecodable(path)) {
    exchange.sendError(new GolekError('invalid_request', 'the path is not a valid URL; percent-encode it'));
    return;
  }
  const shown = path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path;
  const methods = new Set(tables.flatMap((table) => table.methodsOf(path)));
  if (methods.size > 0) {
    const allow = [...methods].join(', ');
    const error = new GolekError('method_not_allowed', `${method} is not allowed for ${shown}; it takes ${allow}`);
    exchange.sendError(error, { allow });
    return;
  }
  const known = tables.flatMap(({ routes }) => routes.map((route) => route.path));
  const hint = path.length <= SHOWN ? nearest(path, known) : undefined;
  const remedy = hint === undefined ? 'see GET /openapi.json' : `did you mean '${hint}'?`;
  exchange.sendError(new GolekError('route_not_found', `there is no route ${method} ${shown}; ${remedy}`));
};
