import { once } from 'node:events';
import { collect, GolekError, type NamedTensor } from '@golek/api';
import {
  answerTensors,
  DEFAULT_MAX_TOKENS,
  modelInferResponse,
  readCall,
  readModelInfer,
  TextPieces,
  timeoutOf,
  type InferCall,
  type InferMessage,
  type Parameters,
} from '@golek/protocols/kserve';
import type { ModelInferRequest, ModelInferResponse, ModelStreamInferResponse } from '@golek/protocols/kserve/wire';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { KserveService } from '../http/kserve/kserve-service.ts';
import type { GrpcCall } from './grpc-call.ts';

type Kserve = Pick<KserveService, 'model'>;
type Duplex = ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>;

/** Requests of one stream that are worked on at once; the stream is not read further meanwhile. */
const AT_ONCE = 64;

const begin = (call: GrpcCall, kserve: Kserve, request: ModelInferRequest) => {
  const message = readModelInfer(request);
  const asked: InferCall = readCall(message, kserve.model(message.model, message.version, call.principal));
  const limits = { timeoutMs: timeoutOf(message), maxTokens: asked.kind === 'text' ? DEFAULT_MAX_TOKENS : undefined };
  return { message, asked, events: call.run(asked.request, limits, asked.kind === 'text' && !asked.stream) };
};

const responseOf = (
  { model, id }: InferMessage,
  outputs: readonly NamedTensor[],
  parameters: Parameters = {},
): ModelInferResponse => modelInferResponse({ model, id, parameters, outputs });

/** One request, one answer. */
export const inferOnce = async (
  call: GrpcCall,
  kserve: Kserve,
  request: ModelInferRequest,
): Promise<ModelInferResponse> => {
  const { message, asked, events } = begin(call, kserve, request);
  if (asked.kind === 'text' && asked.stream)
    throw new GolekError(
      'invalid_request',
      "ModelInfer gives one answer; ask ModelStreamInfer for a stream, or set 'stream' to false",
    );
  return responseOf(message, answerTensors(asked, await collect(events)));
};

/** Every answer of one request. The last says that it is (`triton_final_response`). */
async function* answersOf(
  call: GrpcCall,
  kserve: Kserve,
  request: ModelInferRequest,
): AsyncGenerator<ModelInferResponse, undefined> {
  const { message, asked, events } = begin(call, kserve, request);
  if (asked.kind === 'text' && asked.stream) {
    const pieces = new TextPieces(asked);
    for await (const event of events) {
      const outputs = pieces.read(event);
      if (outputs) yield responseOf(message, outputs, { triton_final_response: false });
    }
    yield responseOf(message, pieces.end(), { triton_final_response: true });
  } else {
    yield responseOf(message, answerTensors(asked, await collect(events)), { triton_final_response: true });
  }
  return undefined;
}

/** Waits until the client has read enough. A client that reads nothing for `limitMs` loses the call: its runs would hold their places for ever. */
const drained = async (duplex: Duplex, call: GrpcCall, limitMs: number): Promise<void> => {
  const timer = setTimeout(() => {
    const reason = new GolekError(
      'cancelled',
      `the client read nothing of its answers for ${limitMs} ms; the call is ended`,
    );
    call.abort(reason);
    const failure = call.failure(reason);
    call.ended(failure);
    duplex.emit('error', failure);
  }, limitMs);
  try {
    await once(duplex, 'drain', { signal: call.signal });
  } finally {
    clearTimeout(timer);
  }
};

/** Answers the requests of a stream as they come, side by side. A request that fails has its error in an answer; the stream goes on. */
export const inferStream = (
  call: GrpcCall,
  { kserve, writeTimeoutMs }: { readonly kserve: Kserve; readonly writeTimeoutMs: number },
  duplex: Duplex,
): void => {
  let open = 0;
  let ended = false;
  const endIfDone = (): void => {
    if (ended && open === 0 && !call.signal.aborted) duplex.end();
  };
  const answer = async (request: ModelInferRequest): Promise<void> => {
    try {
      for await (const inferResponse of answersOf(call, kserve, request)) {
        if (!duplex.write({ errorMessage: '', inferResponse })) await drained(duplex, call, writeTimeoutMs);
      }
    } catch (thrown) {
      const failure = call.failure(thrown);
      if (call.signal.aborted) return;
      const parameters = { triton_final_response: true };
      const inferResponse = modelInferResponse({ model: request.modelName, id: request.id, parameters, outputs: [] });
      duplex.write({ errorMessage: failure.details, inferResponse });
    }
  };
  const receive = async (request: ModelInferRequest): Promise<void> => {
    open++;
    if (open >= AT_ONCE) duplex.pause();
    await answer(request);
    open--;
    if (open < AT_ONCE) duplex.resume();
    endIfDone();
  };
  duplex.on('data', (request: ModelInferRequest) => void receive(request));
  duplex.on('end', () => {
    ended = true;
    endIfDone();
  });
};
