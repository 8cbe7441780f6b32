import { describeIssue, GolekError, ModelRoute } from '@golek/api';
import type { LiveRoute, ModelRegistry, TargetStats } from '@golek/kernel';
import { z } from 'zod';
import type { ConfiguredRoutes } from '../../routes/configured-routes.ts';
import { RouteState, RouteStates } from '../../routes/route-state.ts';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import type { Route } from '../route.ts';

export interface RouteRouteDeps {
  readonly configured: Pick<ConfiguredRoutes, 'put' | 'remove' | 'promote'>;
  readonly models: Pick<ModelRegistry, 'resolve' | 'routes'>;
  readonly stats: Pick<TargetStats, 'of'>;
  /** Why a model is spared at present. */
  readonly blocked: (model: string) => string | undefined;
}

const RouteBody = z.looseObject({ name: z.string().optional() });

const PARAMETERS = { name: 'Name of the route.' };

const nameOf = ({ parameters }: Exchange): string => parameters['name'] ?? '';

/** The body as the route of that name. Throws `invalid_request` or `unknown_parameter`. */
const routeOf = (exchange: Exchange): ModelRoute => {
  const { body, request } = exchange;
  const name = nameOf(exchange);
  const sent = parseJsonBody(body, request.headers);
  const named = RouteBody.safeParse(sent);
  if (named.success && named.data.name !== undefined && named.data.name !== name) {
    throw new GolekError(
      'invalid_request',
      `the path names the route '${name}', the body '${named.data.name}'; a route cannot be renamed, set another one`,
    );
  }
  const value: unknown = named.success ? { ...named.data, name } : sent;
  const parsed = ModelRoute.safeParse(value);
  if (parsed.success) return parsed.data;
  const { message, path, unknownKey } = describeIssue(parsed.error, value, () => Object.keys(ModelRoute.shape));
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', message, { details: { path } });
};

/** The revision that the change depends upon: `If-Match: 7`, or `If-None-Match: *` for a route that must not exist yet. */
const expectedOf = ({ request: { headers } }: Exchange): number | null | undefined => {
  if (headers['if-none-match'] === '*') return null;
  const match = headers['if-match'];
  if (match === undefined || match === '*') return undefined;
  const revision = /^"?(\d{1,15})"?$/.exec(match)?.[1];
  if (revision !== undefined) return Number(revision);
  throw new GolekError('invalid_request', `If-Match takes the revision of a route, got '${match.slice(0, 80)}'`);
};

/** Reading and changing routes while the server works. Changes are written to the setting `routes`. */
export const routeRoutes = ({ configured, models, stats, blocked }: RouteRouteDeps): readonly Route[] => {
  const targetState = (model: string): RouteState['targets'][number] => {
    const state = stats.of(model);
    const reason = blocked(model);
    return {
      model,
      registered: models.resolve(model) !== undefined,
      ...(reason !== undefined && { blocked: reason }),
      inFlight: state?.inFlight ?? 0,
      capacity: state?.capacity ?? 1,
      ...(state?.firstEventMs !== undefined && { firstEventMs: state.firstEventMs }),
      ...(state?.durationMs !== undefined && { durationMs: state.durationMs }),
      attempts: state?.attempts ?? 0,
      errorRate: state?.errorRate ?? 0,
    };
  };

  const stateOf = ({ route, revision }: LiveRoute): RouteState => {
    const canary = models.routes.canary(route.name);
    const names = [...route.targets.map(({ model }) => model), ...(canary ? [canary.target] : [])];
    return { route, revision, targets: names.map(targetState), ...(canary && { canary }) };
  };

  const send = (exchange: Exchange, status: number, live: LiveRoute): void =>
    exchange.sendText(status, JSON.stringify(stateOf(live)), { etag: `"${live.revision}"` });

  return [
    {
      method: 'GET',
      path: '/admin/v1/routes',
      scope: 'admin',
      operation: {
        summary: 'List the routes, with load, latency and errors of their targets and the course of canaries.',
        tag: 'administration',
        response: RouteStates,
      },
      handle: (exchange) => exchange.sendJson(200, { routes: models.routes.list().map(stateOf) }),
    },
    {
      method: 'GET',
      path: '/admin/v1/routes/:name',
      scope: 'admin',
      operation: {
        summary: 'Show one route and how its targets do.',
        tag: 'administration',
        parameters: PARAMETERS,
        response: RouteState,
      },
      handle: (exchange) => send(exchange, 200, models.routes.find(nameOf(exchange))),
    },
    {
      method: 'PUT',
      path: '/admin/v1/routes/:name',
      scope: 'admin',
      operation: {
        summary:
          'Set or replace a route; `If-Match` with its revision keeps the change of somebody else, `If-None-Match: *` only makes a new one.',
        tag: 'administration',
        parameters: PARAMETERS,
        request: ModelRoute,
        response: RouteState,
      },
      handle: async (exchange) => {
        const { signal } = exchange;
        const route = routeOf(exchange);
        send(exchange, 200, await configured.put(route, { expected: expectedOf(exchange), signal }));
      },
    },
    {
      method: 'DELETE',
      path: '/admin/v1/routes/:name',
      scope: 'admin',
      operation: { summary: 'Remove a route.', tag: 'administration', parameters: PARAMETERS },
      handle: async (exchange) => {
        const { signal } = exchange;
        const name = nameOf(exchange);
        await configured.remove(name, { expected: expectedOf(exchange), signal });
        exchange.sendJson(200, { removed: name });
      },
    },
    {
      method: 'POST',
      path: '/admin/v1/routes/:name/canary/promote',
      scope: 'admin',
      operation: {
        summary: "Make a route's canary its only target.",
        tag: 'administration',
        parameters: PARAMETERS,
        response: RouteState,
      },
      handle: async (exchange) => {
        const { signal } = exchange;
        send(exchange, 200, await configured.promote(nameOf(exchange), { expected: expectedOf(exchange), signal }));
      },
    },
    {
      method: 'POST',
      path: '/admin/v1/routes/:name/canary/reset',
      scope: 'admin',
      operation: {
        summary: 'Give a canary that was rolled back its share again, and forget how it did.',
        tag: 'administration',
        parameters: PARAMETERS,
        response: RouteState,
      },
      handle: (exchange) => {
        const name = nameOf(exchange);
        models.routes.resetCanary(name);
        send(exchange, 200, models.routes.find(name));
      },
    },
  ];
};
