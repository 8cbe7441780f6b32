import { GolekError, nearest, type Principal } from '@golek/api';
import type { Engine, ModelEntry, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import { ModelList, modelList, WireModel, wireModel, wireRoute } from '@golek/protocols/openai';
import {
  Liveness,
  Readiness,
  UsageReport,
  type HealthProblem,
  type HealthReport,
  type ModelReadiness,
  type RuntimeState,
} from './health.ts';
import { openApiDocument } from './openapi-document.ts';
import type { Route } from './route.ts';

export interface StateDeps {
  readonly engine: Pick<Engine, 'inFlight'>;
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly version: string;
  readonly state: () => RuntimeState;
  readonly closing: () => boolean;
  readonly health?: readonly HealthReport[];
  readonly log: Log;
  /** All routes of the server, for its document. */
  readonly routes: () => readonly Route[];
}

/** The routes that tell what the server is and has done, without running a model. */
export const stateRoutes = (deps: StateDeps): Route[] => {
  const { engine, models, sessions, usage, version, state, closing, health = [], log, routes } = deps;

  const readinessOf = ({ manifest: { name, provider } }: ModelEntry): ModelReadiness => {
    const { state: loaded, progress, inUse, error, health: condition } = sessions.status(name);
    return {
      id: name,
      provider,
      state: loaded,
      inUse,
      ...(progress !== undefined && { progress }),
      ...(error && { error: { code: error.code, message: error.message } }),
      ...(condition && { health: condition }),
    };
  };

  /** A report that fails must not fail the probe. */
  const problemsOf = (report: HealthReport): readonly HealthProblem[] => {
    try {
      return report();
    } catch (err) {
      log.error({ err }, 'a health report failed');
      return [];
    }
  };

  const readiness = (): Readiness => {
    const reasons: string[] = [];
    if (closing()) reasons.push('the server takes no new connections and finishes its open answers');
    const phase = state();
    if (phase !== 'running') reasons.push(`the runtime is ${phase}`);
    return {
      status: reasons.length === 0 ? 'ready' : 'not-ready',
      reasons,
      inFlight: engine.inFlight,
      models: models.list().map(readinessOf),
      problems: health.flatMap(problemsOf),
    };
  };

  /** A route whose targets are all gone is no model that could be used. */
  const routeNamed = (name: string): WireModel | undefined => {
    const route = models.routes.get(name)?.route;
    const [first, ...others] = route?.targets.flatMap(({ model }) => models.resolve(model)?.manifest ?? []) ?? [];
    return route && first && wireRoute(name, route.strategy, [first, ...others]);
  };

  const modelNamed = (name: string, { models: allowed }: Principal): WireModel => {
    const entry = models.resolve(name);
    const found = entry ? wireModel(entry.manifest) : routeNamed(name);
    if (found && allowed?.includes(name) !== false) return found;
    const hint = nearest(name.slice(0, 256), allowed ?? models.names());
    throw new GolekError(
      'model_not_found',
      `no model or alias named '${name.slice(0, 256)}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
    );
  };

  /** Models, then routes: what the caller may name. */
  const modelsFor = ({ models: allowed }: Principal): WireModel[] =>
    [
      ...models.list().map(({ manifest }) => wireModel(manifest)),
      ...models.routes.names().flatMap((name) => routeNamed(name) ?? []),
    ].filter(({ id }) => allowed?.includes(id) !== false);

  let document: string | undefined;

  return [
    {
      method: 'GET',
      path: '/v1/models',
      scope: 'inference',
      operation: { summary: 'List the models and routes that the caller may use.', tag: 'models', response: ModelList },
      handle: (exchange) => exchange.sendJson(200, modelList(modelsFor(exchange.principal))),
    },
    {
      method: 'GET',
      path: '/v1/models/*',
      scope: 'inference',
      operation: {
        summary: 'Describe a model, by name or alias.',
        tag: 'models',
        response: WireModel,
        parameters: { id: 'Name or alias of the model.' },
      },
      handle: (exchange) => exchange.sendJson(200, modelNamed(exchange.parameters['*'] ?? '', exchange.principal)),
    },
    {
      method: 'GET',
      path: '/health/live',
      scope: 'public',
      operation: { summary: 'Whether the process runs.', tag: 'operation', response: Liveness },
      handle: (exchange) => exchange.sendJson(200, { status: 'live', version }),
    },
    {
      method: 'GET',
      path: '/health/ready',
      scope: 'public',
      operation: {
        summary: 'Whether requests are taken, and the state of the models.',
        tag: 'operation',
        response: Readiness,
        others: { 503: { description: 'Not ready, with the reasons.', schema: Readiness } },
      },
      handle: (exchange) => {
        const answer = readiness();
        exchange.sendJson(answer.status === 'ready' ? 200 : 503, answer);
      },
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'public',
      operation: { summary: 'This document.', tag: 'operation' },
      handle: (exchange) => exchange.sendText(200, (document ??= JSON.stringify(openApiDocument(version, routes())))),
    },
    {
      method: 'GET',
      path: '/admin/v1/usage',
      scope: 'admin',
      operation: {
        summary: 'Requests and tokens since the start, by model.',
        tag: 'administration',
        response: UsageReport,
      },
      handle: (exchange) => exchange.sendJson(200, { models: usage.totals() }),
    },
  ];
};
