import { collect, type InferenceEvent } from '@golek/api';
import {
  answerTensors,
  DEFAULT_MAX_TOKENS,
  generateAnswer,
  GenerateAnswer,
  GenerateBody,
  InferRequestBody,
  InferResponseBody,
  inferResponseBody,
  JSON_LENGTH_HEADER,
  readCall,
  readGenerateBody,
  readInferBody,
  TextPieces,
  timeoutOf,
  type InferCall,
  type InferMessage,
  type TextCall,
} from '@golek/protocols/kserve';
import type { StreamEncoder } from '@golek/protocols/openai';
import { answerStream } from '../answer-stream.ts';
import type { EventStreamLimits } from '../event-stream.ts';
import type { Exchange } from '../exchange.ts';
import type { Route, RouteOperation } from '../route.ts';
import { requestRunner, type RunDeps } from '../run-request.ts';
import { KSERVE_ERRORS, KSERVE_STREAM, kserveBody } from './form.ts';
import type { KserveService } from './kserve-service.ts';

export interface KserveInferenceDeps extends RunDeps {
  readonly kserve: Pick<KserveService, 'model'>;
  readonly limits: () => EventStreamLimits;
}

export const MODEL_PARAMETERS = { model: 'Name or alias of the model.' };
export const VERSION_PARAMETERS = { ...MODEL_PARAMETERS, version: 'Models have the version 1.' };

/** The path of a model with and without its version. */
export const modelPaths = (
  end: string,
): readonly { readonly path: string; readonly parameters: Readonly<Record<string, string>> }[] => [
  { path: `/v2/models/:model${end}`, parameters: MODEL_PARAMETERS },
  { path: `/v2/models/:model/versions/:version${end}`, parameters: VERSION_PARAMETERS },
];

/** The parts of a path. */
export const modelOf = ({ parameters }: Exchange): readonly [model: string, version: string] => [
  parameters['model'] ?? '',
  parameters['version'] ?? '',
];

const record = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** Pieces of text as server-sent events. */
const pieceStream = (call: TextCall, id: string): StreamEncoder => {
  const pieces = new TextPieces(call);
  const { model } = call.request;
  return {
    encode: (event) => {
      const tensors = pieces.read(event);
      return tensors ? record(generateAnswer(model, id, tensors)) : '';
    },
    end: () => record(generateAnswer(model, id, pieces.end())),
  };
};

/** The routes of the KServe v2 protocol that run a model. */
export const kserveInferenceRoutes = ({ kserve, limits, ...deps }: KserveInferenceDeps): Route[] => {
  const run = requestRunner(deps, 'kserve');

  const begin = (
    exchange: Exchange,
    message: InferMessage,
  ): { readonly call: InferCall; readonly events: AsyncIterable<InferenceEvent> } => {
    const call = readCall(message, kserve.model(message.model, message.version, exchange.principal));
    const timeoutMs = timeoutOf(message);
    if (timeoutMs !== undefined) exchange.limitTime(timeoutMs);
    const options = call.kind === 'text' ? { defaultMaxTokens: DEFAULT_MAX_TOKENS, whole: !call.stream } : {};
    return { call, events: run(exchange, call.request, options) };
  };

  const answerInfer = async (exchange: Exchange): Promise<void> => {
    const { json, binary } = kserveBody(exchange);
    const message = readInferBody(json, binary, ...modelOf(exchange));
    const { call, events } = begin(exchange, message);
    const outputs = answerTensors(call, await collect(events));
    const { body, jsonLength } = inferResponseBody(
      { model: message.model, id: message.id, parameters: {}, outputs },
      message.isBinary,
    );
    if (jsonLength === undefined) return exchange.send(200, 'application/json; charset=utf-8', body);
    exchange.send(200, 'application/octet-stream', body, { [JSON_LENGTH_HEADER]: jsonLength });
  };

  const answerGenerate = async (exchange: Exchange, stream: boolean): Promise<void> => {
    const message = readGenerateBody(kserveBody(exchange).json, ...modelOf(exchange), stream);
    const { call, events } = begin(exchange, message);
    const { model, id } = message;
    if (stream && call.kind === 'text' && call.stream) {
      return answerStream(exchange, events, pieceStream(call, id), KSERVE_STREAM, limits());
    }
    const answer = generateAnswer(model, id, answerTensors(call, await collect(events)));
    if (stream) exchange.send(200, KSERVE_STREAM.contentType, record(answer), { 'cache-control': 'no-cache' });
    else exchange.sendJson(200, answer);
  };

  const post = (end: string, operation: RouteOperation, handle: Route['handle']): Route[] =>
    modelPaths(end).map(({ path, parameters }) => ({
      method: 'POST',
      path,
      scope: 'inference',
      errors: KSERVE_ERRORS,
      operation: { ...operation, parameters },
      handle,
    }));

  return [
    ...post(
      '/infer',
      {
        summary: 'Tensors to tensors; texts are tensors, too.',
        tag: 'inference',
        request: InferRequestBody,
        response: InferResponseBody,
      },
      answerInfer,
    ),
    ...post(
      '/generate',
      { summary: 'Continue a text.', tag: 'inference', request: GenerateBody, response: GenerateAnswer },
      (exchange) => answerGenerate(exchange, false),
    ),
    ...post(
      '/generate_stream',
      {
        summary: 'Continue a text, piece by piece.',
        tag: 'inference',
        request: GenerateBody,
        response: GenerateAnswer,
        mediaType: 'text/event-stream',
      },
      (exchange) => answerGenerate(exchange, true),
    ),
  ];
};
