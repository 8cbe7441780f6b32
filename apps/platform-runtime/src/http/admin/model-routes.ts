import { describeIssue, GolekError } from '@golek/api';
import type { LifeSettings, ModelEntry, ModelRegistry, SessionPool } from '@golek/kernel';
import { LoadedModels } from '../../models/loaded-models.ts';
import { parseKeepAlive } from '../../models/life-settings.ts';
import { LoadBody, ModelState, ModelStates } from '../../models/model-state.ts';
import type { Exchange } from '../exchange.ts';
import { parseJsonBody } from '../json-body.ts';
import type { Route } from '../route.ts';

export interface ModelRouteDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'resolve'>;
  readonly sessions: Pick<SessionPool, 'status' | 'load' | 'unload'>;
  readonly life: () => Pick<LifeSettings, 'maxLoaded' | 'memoryBytes'>;
}

const PARAMETERS = { model: 'Registered name of the model.' };

/** The keep-alive time that a request to load asks for; undefined where it has no body. */
const keepAliveOf = ({ body, request }: Exchange): number | undefined => {
  if (body === undefined || body.length === 0) return undefined;
  const sent = parseJsonBody(body, request.headers);
  const parsed = LoadBody.safeParse(sent);
  if (parsed.success) return parsed.data.keepAlive === undefined ? undefined : parseKeepAlive(parsed.data.keepAlive);
  const { message, path, unknownKey } = describeIssue(parsed.error, sent, () => Object.keys(LoadBody.shape));
  throw new GolekError(unknownKey ? 'unknown_parameter' : 'invalid_request', message, { details: { path } });
};

/** Seeing which models are in memory, and loading and unloading them by hand. */
export const modelRoutes = ({ models, sessions, life }: ModelRouteDeps): readonly Route[] => {
  const loaded = new LoadedModels({ models, sessions, life });
  const entryOf = ({ parameters }: Exchange): ModelEntry => loaded.entryOf(parameters['model'] ?? '');

  return [
    {
      method: 'GET',
      path: '/admin/v1/models',
      scope: 'admin',
      operation: {
        summary: 'List the models: which are in memory, what they take, and when they are unloaded.',
        tag: 'administration',
        response: ModelStates,
      },
      handle: (exchange) => exchange.sendJson(200, loaded.states()),
    },
    {
      method: 'POST',
      path: '/admin/v1/models/:model/load',
      scope: 'admin',
      operation: {
        summary: 'Load a model ahead of its first request; answers when it is loaded.',
        tag: 'administration',
        parameters: PARAMETERS,
        request: LoadBody,
        response: ModelState,
      },
      handle: async (exchange) => {
        const entry = entryOf(exchange);
        const keepAliveMs = keepAliveOf(exchange);
        await sessions.load(entry, exchange.signal, keepAliveMs === undefined ? {} : { keepAliveMs });
        exchange.sendJson(200, loaded.stateOf(entry));
      },
    },
    {
      method: 'POST',
      path: '/admin/v1/models/:model/unload',
      scope: 'admin',
      operation: {
        summary: 'Unload a model once no request uses it; the next request loads it again.',
        tag: 'administration',
        parameters: PARAMETERS,
        response: ModelState,
      },
      handle: async (exchange) => {
        const entry = entryOf(exchange);
        await sessions.unload(entry.manifest.name, exchange.signal);
        exchange.sendJson(200, loaded.stateOf(entry));
      },
    },
  ];
};
