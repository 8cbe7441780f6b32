import { GolekError, nearest } from '@golek/api';
import type { Exchange } from './exchange.ts';
import { KSERVE_ERRORS } from './kserve/form.ts';
import { OLLAMA_ERRORS } from './ollama/form.ts';
import type { RouteTable } from './route-table.ts';
import { OPENAI_ERRORS, type ErrorForm } from './wire-form.ts';

const SHOWN = 128;

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/** How the clients of a protocol are told what it has and this server has not: they read no other form. */
const formOf = (path: string): ErrorForm => {
  if (path.startsWith('/v2/')) return KSERVE_ERRORS;
  return path.startsWith('/api/') ? OLLAMA_ERRORS : OPENAI_ERRORS;
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
  const [other = ''] = methods;
  const known = tables.map((table) => table.find(other, path)?.route).find((route) => route !== undefined);
  // A request that said which protocol it speaks has its form already.
  if (exchange.errors === OPENAI_ERRORS) exchange.errors = known ? (known.errors ?? OPENAI_ERRORS) : formOf(path);
  if (methods.size > 0) {
    const allow = [...methods].join(', ');
    const error = new GolekError('method_not_allowed', `${method} is not allowed for ${shown}; it takes ${allow}`);
    exchange.sendError(error, { allow });
    return;
  }
  const paths = tables.flatMap(({ routes }) => routes.map((route) => route.path));
  const hint = path.length <= SHOWN ? nearest(path, paths) : undefined;
  const remedy = hint === undefined ? 'see GET /openapi.json' : `did you mean '${hint}'?`;
  exchange.sendError(new GolekError('route_not_found', `there is no route ${method} ${shown}; ${remedy}`));
};
