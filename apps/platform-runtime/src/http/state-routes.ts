import type { Engine, ModelEntry, ModelRegistry, SessionPool, UsageMeter } from '@golek/kernel';
import type { Log } from '@golek/plugins-api';
import { ModelInfo, modelInfo, ModelPage, modelPage } from '@golek/protocols/anthropic';
import { ModelList, modelList, WireModel, wireModel, wireRoute } from '@golek/protocols/openai';
import { z } from 'zod';
import { checkVersion, speaksAnthropic } from './anthropic/form.ts';
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
import { visibleModel, visibleModels, type VisibleModel } from './visible-models.ts';

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

const wireForm = ({ manifest, targets, strategy }: VisibleModel): WireModel =>
  strategy === undefined
    ? wireModel(manifest)
    : wireRoute(manifest, { strategy, targets: targets.map(({ name }) => name) });

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

  let document: string | undefined;

  return [
    {
      method: 'GET',
      path: '/v1/models',
      scope: 'inference',
      operation: {
        summary:
          "List the models and routes that the caller may use; in Anthropic's form, and in pages, for a request with the header 'anthropic-version'.",
        tag: 'models',
        response: z.union([ModelList, ModelPage]),
        query: {
          limit: "Models of a page, 1 to 1000; default 20. This and the others in Anthropic's form only.",
          after_id: 'The page begins behind this model.',
          before_id: 'The page ends before this model.',
        },
      },
      handle: (exchange) => {
        const { principal, query, request } = exchange;
        if (!speaksAnthropic(request.headers))
          return exchange.sendJson(200, modelList(visibleModels(models, principal).map(wireForm)));
        checkVersion(request.headers);
        const manifests = visibleModels(models, principal).map(({ manifest }) => manifest);
        exchange.sendJson(200, modelPage(manifests, query));
      },
    },
    {
      method: 'GET',
      path: '/v1/models/*',
      scope: 'inference',
      operation: {
        summary:
          "Describe a model, by name or alias; in Anthropic's form for a request with the header 'anthropic-version'.",
        tag: 'models',
        response: z.union([WireModel, ModelInfo]),
        parameters: { id: 'Name or alias of the model.' },
      },
      handle: (exchange) => {
        const { parameters, principal, request } = exchange;
        const name = parameters['*'] ?? '';
        if (!speaksAnthropic(request.headers))
          return exchange.sendJson(200, wireForm(visibleModel(models, name, principal)));
        checkVersion(request.headers);
        exchange.sendJson(200, modelInfo(visibleModel(models, name, principal).manifest));
      },
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
