import { collect, type InferenceEvent } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';
import {
  CHAT_FORM,
  CHAT_PARAMS,
  ChatAnswer,
  ChatRequest,
  EMBED_PARAMS,
  EmbedRequest,
  EmbedResponse,
  embedResponse,
  EmbeddingsRequest,
  EmbeddingsResponse,
  embeddingsResponse,
  GENERATE_BODY_PARAMS,
  GENERATE_FORM,
  GenerateAnswer,
  GenerateRequest,
  lifeAnswer,
  localName,
  NDJSON,
  ollamaStream,
  readChatRequest,
  readEmbeddingsRequest,
  readEmbedRequest,
  readGenerateRequest,
  wholeAnswer,
  type AnswerClock,
  type AnswerForm,
  type EmbedCall,
  type LifeCall,
  type RunCall,
} from '@golek/protocols/ollama';
import { answerStream } from '../answer-stream.ts';
import type { EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import { withoutNeedlessSwitch } from '../needless-switch.ts';
import type { Route, RouteOperation } from '../route.ts';
import { requestRunner, type RunDeps } from '../run-request.ts';
import { visibleModel, type VisibleModel } from '../visible-models.ts';
import { bodyOf, OLLAMA_ERRORS, OLLAMA_STREAM } from './form.ts';
import { clockOf, grantKeepAlive, ModelUse, type ModelUseDeps } from './model-use.ts';

export interface OllamaInferenceDeps extends RunDeps, ModelUseDeps {
  readonly models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>;
  readonly limits: () => EventStreamLimits;
}

const THINK_WARNING = "'think': false changed nothing: the model has no switch for it";

/** A call with its model under the name that it has here. */
const named = <C extends RunCall | LifeCall | EmbedCall>(call: C, isKnown: (name: string) => boolean): C => {
  const model = localName(call.model, isKnown);
  if (model === call.model) return call;
  return 'request' in call ? { ...call, model, request: { ...call.request, model } } : { ...call, model };
};

/** A run's events, what was measured, and what could not be done as asked. */
interface Followed {
  readonly events: AsyncIterable<InferenceEvent>;
  readonly clock: AnswerClock;
  readonly warnings: readonly string[];
}

/** The routes of Ollama's API that use a model. */
export const ollamaInferenceRoutes = (deps: OllamaInferenceDeps): Route[] => {
  const { models, limits } = deps;
  const run = requestRunner(deps, 'ollama');
  const use = new ModelUse(deps);
  const isKnown = (name: string): boolean =>
    models.resolve(name) !== undefined || models.routes.get(name) !== undefined;

  const follow = (exchange: Exchange, call: RunCall | EmbedCall): Followed => {
    const { keepAliveMs, warnings } = grantKeepAlive(exchange, call.keepAliveMs);
    return {
      ...use.follow(run(exchange, call.request, { whole: 'stream' in call && !call.stream }), exchange, keepAliveMs),
      warnings: [...call.warnings, ...warnings],
    };
  };

  const withoutSwitch = async (call: RunCall, exchange: Exchange): Promise<RunCall> => {
    const request = await withoutNeedlessSwitch(call.request, exchange, deps);
    return request === call.request ? call : { ...call, request, warnings: [...call.warnings, THINK_WARNING] };
  };

  /** Loads the model, or unloads it. @returns the answer's reason and what changed nothing. */
  const live = async (
    exchange: Exchange,
    call: LifeCall,
  ): Promise<VisibleModel & { readonly done: 'load' | 'unload'; readonly warnings: readonly string[] }> => {
    const found = visibleModel(models, call.model, exchange.principal);
    if (call.keepAliveMs === 0) {
      await use.unload(exchange, found.targets);
      return { ...found, done: 'unload', warnings: [] };
    }
    const { keepAliveMs, warnings } = grantKeepAlive(exchange, call.keepAliveMs);
    await use.load(found.targets[0], exchange.signal, keepAliveMs);
    return { ...found, done: 'load', warnings };
  };

  const generate = async (exchange: Exchange, sent: RunCall | LifeCall, form: AnswerForm): Promise<void> => {
    const known = named(sent, isKnown);
    if (known.kind === 'life') {
      const { done, warnings } = await live(exchange, known);
      exchange.sendText(200, lifeAnswer(known.model, done, form, clockOf(exchange), warnings));
      return;
    }
    const call = await withoutSwitch(known, exchange);
    const { events, clock, warnings } = follow(exchange, call);
    if (call.stream) {
      return answerStream(exchange, events, ollamaStream(form, clock, { warnings }), OLLAMA_STREAM, limits());
    }
    exchange.sendText(200, wholeAnswer(await collect(events), form, clock, { warnings }));
  };

  const post = (path: string, operation: Omit<RouteOperation, 'tag'>, handle: Route['handle']): Route => ({
    method: 'POST',
    path,
    scope: 'inference',
    errors: OLLAMA_ERRORS,
    operation: { tag: 'inference', ...operation },
    handle,
  });

  return [
    post(
      '/api/chat',
      {
        summary: "Continue a conversation, in Ollama's form.",
        request: ChatRequest,
        response: ChatAnswer,
        chunk: ChatAnswer,
        chunkType: NDJSON,
      },
      (exchange) => {
        exchange.params = CHAT_PARAMS;
        return generate(exchange, readChatRequest(bodyOf(exchange)), CHAT_FORM);
      },
    ),
    post(
      '/api/generate',
      {
        summary: "Answer a prompt, in Ollama's form.",
        request: GenerateRequest,
        response: GenerateAnswer,
        chunk: GenerateAnswer,
        chunkType: NDJSON,
      },
      (exchange) => {
        exchange.params = GENERATE_BODY_PARAMS;
        return generate(exchange, readGenerateRequest(bodyOf(exchange)), GENERATE_FORM);
      },
    ),
    post(
      '/api/embed',
      { summary: "Turn texts into vectors, in Ollama's form.", request: EmbedRequest, response: EmbedResponse },
      async (exchange) => {
        exchange.params = EMBED_PARAMS;
        const call = named(readEmbedRequest(bodyOf(exchange)), isKnown);
        if (call.kind === 'life') {
          const { warnings } = await live(exchange, call);
          exchange.sendJson(200, { model: call.model, embeddings: [], ...(warnings.length > 0 && { warnings }) });
          return;
        }
        const { events, clock, warnings } = follow(exchange, call);
        exchange.sendJson(200, embedResponse(await collect(events), { ...call, warnings }, clock));
      },
    ),
    post(
      '/api/embeddings',
      {
        summary: "Turn one text into a vector, in Ollama's older form.",
        request: EmbeddingsRequest,
        response: EmbeddingsResponse,
      },
      async (exchange) => {
        exchange.params = EMBED_PARAMS;
        const call = named(readEmbeddingsRequest(bodyOf(exchange)), isKnown);
        if (call.kind === 'life') {
          await live(exchange, call);
          exchange.sendJson(200, { embedding: [] });
          return;
        }
        const { events } = follow(exchange, call);
        exchange.sendJson(200, embeddingsResponse(await collect(events), call));
      },
    ),
  ];
};
