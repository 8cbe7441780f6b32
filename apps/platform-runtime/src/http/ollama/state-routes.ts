import type { ModelManifest } from '@golek/api';
import type { ModelRegistry, SessionPool } from '@golek/kernel';
import {
  localName,
  OLLAMA_API_VERSION,
  ProcessList,
  processList,
  readShowRequest,
  RUNNING,
  ShowRequest,
  ShowResponse,
  showResponse,
  TagList,
  tagList,
  Version,
  type LoadedModel,
} from '@golek/protocols/ollama';
import type { Route } from '../route.ts';
import { visibleModel, visibleModels } from '../visible-models.ts';
import { bodyOf, OLLAMA_ERRORS } from './form.ts';

export interface OllamaStateDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly sessions: Pick<SessionPool, 'status'>;
  readonly version: string;
}

/** The routes of Ollama's API that tell which models there are. */
export const ollamaStateRoutes = ({ models, sessions, version }: OllamaStateDeps): Route[] => {
  const loaded = (manifest: ModelManifest): LoadedModel | undefined => {
    const { openedAt, capabilities, memoryBytes, inUse, unloadsInMs } = sessions.status(manifest.name);
    const device = capabilities?.device ?? manifest.device;
    // A model elsewhere takes no memory here.
    if (openedAt === undefined || device === 'remote') return undefined;
    return { manifest, memoryBytes, contextLength: capabilities?.contextLength, device, inUse, unloadsInMs };
  };

  return [
    {
      method: 'GET',
      path: '/api/tags',
      scope: 'inference',
      errors: OLLAMA_ERRORS,
      operation: {
        summary: "List the models and routes that the caller may use, in Ollama's form.",
        tag: 'models',
        response: TagList,
      },
      handle: (exchange) =>
        exchange.sendJson(200, tagList(visibleModels(models, exchange.principal).map(({ manifest }) => manifest))),
    },
    {
      method: 'GET',
      path: '/api/ps',
      scope: 'inference',
      errors: OLLAMA_ERRORS,
      operation: { summary: "List the models in memory, in Ollama's form.", tag: 'models', response: ProcessList },
      handle: (exchange) => {
        const { models: allowed } = exchange.principal;
        const known = models.list().filter(({ manifest }) => allowed?.includes(manifest.name) !== false);
        const resident = known.flatMap(({ manifest }) => loaded(manifest) ?? []);
        exchange.sendJson(200, processList(resident, Date.now()));
      },
    },
    {
      method: 'POST',
      path: '/api/show',
      scope: 'inference',
      errors: OLLAMA_ERRORS,
      operation: {
        summary: "Describe a model, in Ollama's form.",
        tag: 'models',
        request: ShowRequest,
        response: ShowResponse,
      },
      handle: (exchange) => {
        const asked = readShowRequest(bodyOf(exchange));
        const isKnown = (name: string): boolean =>
          models.resolve(name) !== undefined || models.routes.get(name) !== undefined;
        const { manifest, targets } = visibleModel(models, localName(asked, isKnown), exchange.principal);
        const [target, second] = targets;
        const open = second ? undefined : sessions.status(target.name).capabilities;
        exchange.sendJson(
          200,
          showResponse(manifest, {
            options: open?.options ?? manifest.options,
            contextLength: manifest.contextLength ?? open?.contextLength,
          }),
        );
      },
    },
    {
      method: 'GET',
      path: '/api/version',
      scope: 'public',
      errors: OLLAMA_ERRORS,
      operation: { summary: "Which release of Ollama's API this is.", tag: 'operation', response: Version },
      handle: (exchange) => exchange.sendJson(200, { version: OLLAMA_API_VERSION, golek: version }),
    },
    {
      method: 'GET',
      path: '/',
      scope: 'public',
      operation: {
        summary: "Whether the server runs, in Ollama's words.",
        tag: 'operation',
        mediaType: 'text/plain',
      },
      handle: (exchange) => exchange.sendText(200, RUNNING, { 'content-type': 'text/plain; charset=utf-8' }),
    },
  ];
};
