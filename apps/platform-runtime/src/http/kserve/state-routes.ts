import { GolekError, type Principal } from '@golek/api';
import {
  modelConfig,
  ModelConfigBody,
  ModelMetadata,
  modelMetadata,
  ModelStats,
  modelStats,
  RepositoryIndex,
  repositoryIndex,
  ServerMetadata,
  serverMetadata,
} from '@golek/protocols/kserve';
import { z } from 'zod';
import type { Exchange } from '../exchange.ts';
import type { Route, RouteOperation } from '../route.ts';
import { KSERVE_ERRORS, optionalBody } from './form.ts';
import { MODEL_PARAMETERS, modelOf, modelPaths } from './inference-routes.ts';
import type { KserveService } from './kserve-service.ts';

const Live = z.strictObject({ live: z.boolean() }).meta({ id: 'KserveLive' });
const Ready = z.strictObject({ ready: z.boolean() }).meta({ id: 'KserveReady' });
/** What Triton's clients send; nothing else of it is known here. */
const IndexBody = z.object({ ready: z.boolean().exactOptional().describe('Only models that are in memory.') });
const ChangeBody = z.object({ parameters: z.record(z.string(), z.unknown()).exactOptional() });
const Nothing = z.strictObject({});

/** A parameter that would change what is loaded is not taken for granted. */
const refuseParameters = (exchange: Exchange, known: readonly string[]): void => {
  const body = ChangeBody.safeParse(optionalBody(exchange));
  const other = Object.keys(body.data?.parameters ?? {}).find((name) => !known.includes(name));
  if (!body.success)
    throw new GolekError('invalid_request', "the body has to be a JSON object with 'parameters', or empty");
  if (other !== undefined)
    throw new GolekError(
      'unsupported',
      `the parameter '${other.slice(0, 256)}' is not supported: what a model is stands in the configuration of Golek`,
    );
};

/** The routes of the KServe v2 protocol that tell what the server and its models are, and load and unload them. */
export const kserveStateRoutes = ({ kserve }: { readonly kserve: KserveService }): Route[] => {
  const sendReady = (exchange: Exchange, ready: boolean): void => exchange.sendJson(ready ? 200 : 503, { ready });

  const get = (path: string, scope: Route['scope'], operation: RouteOperation, handle: Route['handle']): Route => ({
    method: 'GET',
    path,
    scope,
    errors: KSERVE_ERRORS,
    operation,
    handle,
  });

  const ofModel = (
    end: string,
    operation: RouteOperation,
    answer: (exchange: Exchange, name: string, version: string, principal: Principal) => void,
  ): Route[] =>
    modelPaths(end).map(({ path, parameters }) =>
      get(path, 'inference', { ...operation, parameters }, (exchange) =>
        answer(exchange, ...modelOf(exchange), exchange.principal),
      ),
    );

  const change = (what: 'load' | 'unload', known: readonly string[]): Route => ({
    method: 'POST',
    path: `/v2/repository/models/:model/${what}`,
    scope: 'admin',
    errors: KSERVE_ERRORS,
    operation: {
      summary: what === 'load' ? 'Load a model ahead of its first request.' : 'Unload a model once no request uses it.',
      tag: 'administration',
      parameters: MODEL_PARAMETERS,
      response: Nothing,
    },
    handle: async (exchange) => {
      refuseParameters(exchange, known);
      await kserve[what](modelOf(exchange)[0], exchange.principal, exchange.signal);
      exchange.sendJson(200, {});
    },
  });

  return [
    get(
      '/v2',
      'public',
      {
        summary: 'What the server is, for clients of the KServe v2 protocol.',
        tag: 'operation',
        response: ServerMetadata,
      },
      (exchange) => exchange.sendJson(200, serverMetadata(kserve.version)),
    ),
    get(
      '/v2/health/live',
      'public',
      { summary: 'Whether the process runs.', tag: 'operation', response: Live },
      (exchange) => exchange.sendJson(200, { live: true }),
    ),
    get(
      '/v2/health/ready',
      'public',
      {
        summary: 'Whether requests are taken.',
        tag: 'operation',
        response: Ready,
        others: { 503: { description: 'They are not.', schema: Ready } },
      },
      (exchange) => sendReady(exchange, kserve.ready),
    ),
    get(
      '/v2/models/stats',
      'inference',
      { summary: 'Requests since the start, by model.', tag: 'operation', response: ModelStats },
      (exchange) => exchange.sendJson(200, modelStats(kserve.counts('', '', exchange.principal))),
    ),
    ...ofModel(
      '',
      { summary: 'What a model takes and gives.', tag: 'models', response: ModelMetadata },
      (exchange, name, version, principal) =>
        exchange.sendJson(200, modelMetadata(kserve.model(name, version, principal))),
    ),
    ...ofModel(
      '/ready',
      {
        summary: 'Whether a model can be asked: it is loaded, or its next request loads it.',
        tag: 'models',
        response: Ready,
        others: { 503: { description: 'It cannot.', schema: Ready } },
      },
      (exchange, name, version, principal) => sendReady(exchange, kserve.modelReady(name, version, principal)),
    ),
    ...ofModel(
      '/config',
      { summary: "What is known of Triton's model configuration.", tag: 'models', response: ModelConfigBody },
      (exchange, name, version, principal) =>
        exchange.sendJson(200, modelConfig(kserve.model(name, version, principal))),
    ),
    ...ofModel(
      '/stats',
      { summary: 'Requests to a model since the start.', tag: 'operation', response: ModelStats },
      (exchange, name, version, principal) =>
        exchange.sendJson(200, modelStats(kserve.counts(name, version, principal))),
    ),
    {
      method: 'POST',
      path: '/v2/repository/index',
      scope: 'inference',
      errors: KSERVE_ERRORS,
      operation: {
        summary: 'List the models and whether they are in memory.',
        tag: 'models',
        request: IndexBody,
        response: RepositoryIndex,
      },
      handle: (exchange) => {
        const body = IndexBody.safeParse(optionalBody(exchange));
        if (!body.success)
          throw new GolekError('invalid_request', "the body has to be a JSON object; 'ready' is true or false");
        exchange.sendJson(200, repositoryIndex(kserve.index(exchange.principal), body.data.ready === true));
      },
    },
    change('load', []),
    change('unload', ['unload_dependents']),
  ];
};
