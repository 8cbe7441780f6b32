import { GolekError, type GenerateRequest, type InferenceRequest, type InferenceResult } from '@golek/api';
import { readChatRequest } from '../openai/chat-request.ts';
import { readClassifyRequest } from '../openai/classify-request.ts';
import { readCompletionRequest } from '../openai/completion-request.ts';
import { readEmbeddingRequest } from '../openai/embedding-request.ts';
import { readRerankRequest } from '../openai/rerank-request.ts';
import {
  CHAT_PARAMS,
  CLASSIFY_PARAMS,
  COMPLETION_PARAMS,
  EMBEDDING_PARAMS,
  RERANK_PARAMS,
  type WireParams,
} from '../openai/wire-params.ts';
import { INFER_PARAMS, readInferRequest } from '../tensors/tensor-request.ts';
import type { SocketTask, StartMessage } from './client-message.ts';
import { embeddingMessages, labelMessages, scoreMessages, tensorMessages, warningMessages } from './result-messages.ts';
import type { ServerMessage } from './server-message.ts';

/** Generated text, in deltas. */
export interface GenerateCall {
  readonly kind: 'generate';
  /** One for each prompt; the choices of prompt i start at i × choices / requests. */
  readonly requests: readonly GenerateRequest[];
  /** Answers of all prompts together. */
  readonly choices: number;
  /** OpenAI's limit on each answer where the request names none. */
  readonly defaultMaxTokens?: number;
  /** Names of the parameters, for errors. */
  readonly params: WireParams;
  /** What of the request changes nothing; absent: all of it counts. */
  readonly warnings?: readonly string[];
}

/** Anything else: told when all of it is known. */
export interface ResultCall {
  readonly kind: 'result';
  readonly request: InferenceRequest;
  readonly params: WireParams;
  /** The messages between `started` and `finished`. Throws `provider_failed` for an answer that lacks something. */
  readonly messages: (result: InferenceResult, id: string) => Iterable<ServerMessage>;
}

export type StartCall = GenerateCall | ResultCall;

/** What errors are told by before the request has been read. */
export const PARAMS_OF: Readonly<Record<SocketTask, WireParams>> = {
  chat: CHAT_PARAMS,
  complete: COMPLETION_PARAMS,
  embed: EMBEDDING_PARAMS,
  rerank: RERANK_PARAMS,
  classify: CLASSIFY_PARAMS,
  infer: INFER_PARAMS,
};

const streamed = (request: StartMessage['request']): StartMessage['request'] => {
  if (request['stream'] !== false) return request;
  throw new GolekError('unsupported', "'stream' is not supported: answers on a socket come in deltas; leave it out", {
    details: { path: 'stream' },
  });
};

/** Reads the request of a message as the HTTP route of its task reads its body; throws what that throws. */
export const readStart = ({ task, request }: Pick<StartMessage, 'task' | 'request'>): StartCall => {
  switch (task) {
    case 'chat': {
      const { request: only, choices, params, warnings } = readChatRequest(streamed(request));
      return { kind: 'generate', requests: [only], choices, params, warnings };
    }
    case 'complete': {
      const { requests, choices, defaultMaxTokens, params, warnings } = readCompletionRequest(streamed(request));
      return {
        kind: 'generate',
        requests,
        choices,
        params,
        warnings,
        ...(defaultMaxTokens !== undefined && { defaultMaxTokens }),
      };
    }
    case 'embed': {
      const call = readEmbeddingRequest(request);
      return {
        kind: 'result',
        ...call,
        messages: (result, id) => [...embeddingMessages(result, id, call), ...warningMessages(result, id)],
      };
    }
    case 'rerank': {
      const call = readRerankRequest(request);
      return {
        kind: 'result',
        ...call,
        messages: (result, id) => [...scoreMessages(result, id, call), ...warningMessages(result, id)],
      };
    }
    case 'classify': {
      const call = readClassifyRequest(request);
      return {
        kind: 'result',
        ...call,
        messages: (result, id) => [...labelMessages(result, id, call), ...warningMessages(result, id)],
      };
    }
    case 'infer': {
      const call = readInferRequest(request);
      return {
        kind: 'result',
        request: call.request,
        params: INFER_PARAMS,
        messages: (result, id) => [...tensorMessages(result, id, call), ...warningMessages(result, id)],
      };
    }
  }
};
