import { GolekError, nearest } from '@golek/api';
import type { Engine, ModelEntry, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import { modelList, wireModel } from '@golek/protocols/openai';
import type { ModelReadiness, Readiness } from './health.ts';
import { openApiDocument } from './openapi-document.ts';
import type { Route } from './route.ts';

export interface StateDeps {
  readonly engine: Pick<Engine, 'inFlight'>;
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly usage: Pick<UsageMeter, 'totals'>;
  readonly version: string;
  /** False before the runtime has started and once it stops. */
  readonly ready: () => boolean;
  readonly closing: () => boolean;
}

/** The routes that tell what the server is and has done, without running a model. */
export const stateRoutes = ({ engine, models, sessions, usage, version, ready, closing }: StateDeps): Route[] => {
  const readinessOf = ({ manifest: { name, provider } }: ModelEntry): ModelReadiness => {
    const { state, progress, inUse, error, health } = sessions.status(name);
    return {
      id: name,
      provider,
      state,
      inUse,
      ...(progress !== undefined && { progress }),
      ...(error && { error: { code: error.code, message: error.message } }),
      ...(health && { health }),
    };
  };

  const readiness = (): Readiness => {
    const reasons: string[] = [];
    if (closing()) reasons.push('the server takes no new connections and finishes its open answers');
    if (!ready()) reasons.push('the runtime is starting or stopping');
    return {
      status: reasons.length === 0 ? 'ready' : 'not-ready',
      reasons,
      inFlight: engine.inFlight,
      models: models.list().map(readinessOf),
    };
  };

  const modelNamed = (name: string): ModelEntry => {
    const entry = models.resolve(name);
    if (entry) return entry;
    const hint = nearest(name.slice(0, 256), models.names());
    throw new GolekError(
      'model_not_found',
      `no model or alias named '${name.slice(0, 256)}'${hint === undefined ? '' : `; did you mean '${hint}'?`}`,
    );
  };

  let document: string | undefined;

  return [
    {
      method: 'GET',
      path: '/v1/models',
      scope: 'inference',
      handle: (exchange) => exchange.sendJson(200, modelList(models.list().map(({ manifest }) => manifest))),
    },
    {
      method: 'GET',
      path: '/v1/models/*',
      scope: 'inference',
      handle: (exchange) => exchange.sendJson(200, wireModel(modelNamed(exchange.parameters['*'] ?? '').manifest)),
    },
    {
      method: 'GET',
      path: '/health/live',
      scope: 'public',
      handle: (exchange) => exchange.sendJson(200, { status: 'live', version }),
    },
    {
      method: 'GET',
      path: '/health/ready',
      scope: 'public',
      handle: (exchange) => {
        const state = readiness();
        exchange.sendJson(state.status === 'ready' ? 200 : 503, state);
      },
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'public',
      handle: (exchange) => exchange.sendText(200, (document ??= JSON.stringify(openApiDocument(version)))),
    },
    {
      method: 'GET',
      path: '/admin/v1/usage',
      scope: 'admin',
      handle: (exchange) => exchange.sendJson(200, { models: usage.totals() }),
    },
  ];
};
