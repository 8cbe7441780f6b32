import { GolekError, nearest } from '@golek/api';
import type { Exchange } from './exchange.ts';
import type { Route } from './route.ts';

const SHOWN = 128;

const matches = ({ path }: Route, url: string): boolean =>
  path.endsWith('/*') ? url.startsWith(path.slice(0, -1)) : url === path;

/** Answers a path that no route has, with the nearest one, or a method that the path does not have, with those it has. */
export const answerUnknownRoute = (exchange: Exchange, routes: readonly Route[]): void => {
  const { method = '', url = '' } = exchange.request;
  const path = url.split('?', 1)[0] ?? '';
  const shown = path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path;
  const methods = routes.filter((route) => matches(route, path)).map((route) => route.method);
  if (methods.length > 0) {
    const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
    const error = new GolekError('method_not_allowed', `${method} is not allowed for ${shown}; it takes ${allow}`);
    exchange.sendError(error, { allow });
    return;
  }
  const hint =
    path.length <= SHOWN
      ? nearest(
          path,
          routes.map((route) => route.path),
        )
      : undefined;
  const remedy = hint === undefined ? 'see GET /openapi.json' : `did you mean '${hint}'?`;
  exchange.sendError(new GolekError('route_not_found', `there is no route ${method} ${shown}; ${remedy}`));
};
