import { collect, type InferenceEvent } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';
import {
  ClassifyBody,
  ClassifyResponse,
  classifyResponse,
  CLASSIFY_PARAMS,
  ChatCompletion,
  chatCompletion,
  ChatCompletionChunk,
  ChatRequest,
  chatStream,
  Completion,
  completion,
  CompletionChunk,
  CompletionRequest,
  completionStream,
  COMPLETION_PARAMS,
  DetokenizeBody,
  DetokenizeResponse,
  detokenizeResponse,
  EMBEDDING_PARAMS,
  EmbeddingRequest,
  EmbeddingResponse,
  embeddingResponse,
  CHAT_PARAMS,
  readChatRequest,
  readClassifyRequest,
  readCompletionRequest,
  readDetokenizeRequest,
  readEmbeddingRequest,
  readRerankRequest,
  readTokenizeRequest,
  RERANK_PARAMS,
  RerankBody,
  RerankResponse,
  rerankResponse,
  severalRuns,
  TOKENIZE_PARAMS,
  TokenizeRequest,
  TokenizeResponse,
  tokenizeResponse,
  type AnswerIdentity,
  type CompletionCall,
} from '@golek/protocols/openai';
import { INFER_PARAMS, InferBody, InferResponse, inferResponse, readInferRequest } from '@golek/protocols/tensors';
import { answerStream } from './answer-stream.ts';
import type { EventStreamLimits } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { parseJsonBody } from './json-body.ts';
import type { Route } from './route.ts';
import { requestRunner, type RunDeps } from './run-request.ts';
import { OPENAI_STREAM } from './wire-form.ts';
import { withWarnings } from './with-warnings.ts';

export interface InferenceDeps extends RunDeps {
  readonly models: Pick<ModelRegistry, 'list'>;
  readonly limits: () => EventStreamLimits;
}

const bodyOf = ({ body, request }: Exchange): unknown => parseJsonBody(body, request.headers);

const identityOf = ({ id }: Exchange): AnswerIdentity => ({ id, created: Math.floor(Date.now() / 1000) });

/** The routes that run a model. */
export const inferenceRoutes = ({ engine, models, limits, readOverrides }: InferenceDeps): Route[] => {
  const run = requestRunner({ engine, readOverrides }, 'openai');

  const runAll = (
    exchange: Exchange,
    { requests, choices, stream, defaultMaxTokens }: CompletionCall,
  ): AsyncIterable<InferenceEvent> => {
    const [only] = requests;
    const options = { defaultMaxTokens, whole: !stream };
    if (only && requests.length === 1) return run(exchange, only, options);
    return severalRuns(
      requests.map((request) => () => run(exchange, request, options)),
      choices / requests.length,
    );
  };

  const names = (): string[] => models.list().map(({ manifest }) => manifest.name);

  return [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      scope: 'inference',
      operation: {
        summary: 'Continue a conversation.',
        tag: 'inference',
        request: ChatRequest,
        response: ChatCompletion,
        chunk: ChatCompletionChunk,
      },
      handle: async (exchange) => {
        exchange.params = CHAT_PARAMS;
        const call = readChatRequest(bodyOf(exchange));
        exchange.params = call.params;
        const identity = identityOf(exchange);
        const events = withWarnings(run(exchange, call.request, { whole: !call.stream }), call.warnings);
        if (call.stream) return answerStream(exchange, events, chatStream(identity, call), OPENAI_STREAM, limits());
        exchange.sendJson(200, chatCompletion(await collect(events), identity, call));
      },
    },
    {
      method: 'POST',
      path: '/v1/completions',
      scope: 'inference',
      operation: {
        summary: 'Continue texts.',
        tag: 'inference',
        request: CompletionRequest,
        response: Completion,
        chunk: CompletionChunk,
      },
      handle: async (exchange) => {
        exchange.params = COMPLETION_PARAMS;
        const call = readCompletionRequest(bodyOf(exchange));
        const identity = identityOf(exchange);
        const events = withWarnings(runAll(exchange, call), call.warnings);
        if (call.stream)
          return answerStream(exchange, events, completionStream(identity, call), OPENAI_STREAM, limits());
        exchange.sendJson(200, completion(await collect(events), identity, call));
      },
    },
    {
      method: 'POST',
      path: '/v1/embeddings',
      scope: 'inference',
      operation: {
        summary: 'Turn texts into vectors.',
        tag: 'inference',
        request: EmbeddingRequest,
        response: EmbeddingResponse,
      },
      handle: async (exchange) => {
        exchange.params = EMBEDDING_PARAMS;
        const call = readEmbeddingRequest(bodyOf(exchange));
        exchange.sendJson(200, embeddingResponse(await collect(run(exchange, call.request)), call));
      },
    },
    // Where Jina's and Cohere's clients and llama-server's users look for it.
    ...['/v1/rerank', '/v2/rerank', '/rerank'].map((path): Route => ({
      method: 'POST',
      path,
      scope: 'inference',
      operation: {
        summary: 'Order documents by their relevance to a query.',
        tag: 'inference',
        request: RerankBody,
        response: RerankResponse,
      },
      handle: async (exchange) => {
        exchange.params = RERANK_PARAMS;
        const call = readRerankRequest(bodyOf(exchange));
        const version = path.startsWith('/v2/') ? '2' : '1';
        exchange.sendJson(200, rerankResponse(await collect(run(exchange, call.request)), exchange.id, call, version));
      },
    })),
    // Where Jina's clients and SGLang's look for it, and vLLM's.
    ...['/v1/classify', '/classify'].map((path): Route => ({
      method: 'POST',
      path,
      scope: 'inference',
      operation: {
        summary: 'Label texts, pieces of texts, pictures or recordings.',
        tag: 'inference',
        request: ClassifyBody,
        response: ClassifyResponse,
      },
      handle: async (exchange) => {
        exchange.params = CLASSIFY_PARAMS;
        const call = readClassifyRequest(bodyOf(exchange));
        const identity = identityOf(exchange);
        exchange.sendJson(200, classifyResponse(await collect(run(exchange, call.request)), identity, call));
      },
    })),
    {
      method: 'POST',
      path: '/v1/infer',
      scope: 'inference',
      operation: {
        summary: 'Run a model on named tensors.',
        tag: 'inference',
        request: InferBody,
        response: InferResponse,
      },
      handle: async (exchange) => {
        exchange.params = INFER_PARAMS;
        const call = readInferRequest(bodyOf(exchange));
        exchange.sendJson(200, inferResponse(await collect(run(exchange, call.request)), exchange.id, call));
      },
    },
    {
      method: 'POST',
      path: '/tokenize',
      scope: 'inference',
      operation: {
        summary: 'Turn text into tokens.',
        tag: 'tokens',
        request: TokenizeRequest,
        response: TokenizeResponse,
      },
      handle: async (exchange) => {
        exchange.params = TOKENIZE_PARAMS;
        const request = readTokenizeRequest(bodyOf(exchange), names());
        exchange.sendJson(200, tokenizeResponse(await collect(run(exchange, request))));
      },
    },
    {
      method: 'POST',
      path: '/detokenize',
      scope: 'inference',
      operation: {
        summary: 'Turn tokens into text.',
        tag: 'tokens',
        request: DetokenizeBody,
        response: DetokenizeResponse,
      },
      handle: async (exchange) => {
        exchange.params = TOKENIZE_PARAMS;
        const request = readDetokenizeRequest(bodyOf(exchange), names());
        exchange.sendJson(200, await detokenizeResponse(run(exchange, request)));
      },
    },
  ];
};
