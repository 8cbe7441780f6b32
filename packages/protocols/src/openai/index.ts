export { ChatRequest, readChatRequest, type ChatAnswerOptions, type ChatCall } from './chat-request.ts';
export { ChatCompletion, chatCompletion, type AnswerIdentity } from './chat-completion.ts';
export { ChatCompletionChunk, chatStream } from './chat-stream.ts';
export {
  CompletionRequest,
  readCompletionRequest,
  type CompletionAnswerOptions,
  type CompletionCall,
} from './completion-request.ts';
export { Completion, CompletionChunk, completion } from './completion.ts';
export { completionStream } from './completion-stream.ts';
export { severalRuns } from './several-runs.ts';
export { EmbeddingRequest, readEmbeddingRequest, type EmbeddingCall } from './embedding-request.ts';
export { EmbeddingResponse, embeddingResponse } from './embedding-response.ts';
export { ClassifyBody, readClassifyRequest, type ClassifyCall } from './classify-request.ts';
export { ClassifyResponse, classifyResponse } from './classify-response.ts';
export { RerankBody, readRerankRequest, type RerankCall } from './rerank-request.ts';
export { RerankResponse, rerankResponse } from './rerank-response.ts';
export {
  DetokenizeBody,
  DetokenizeResponse,
  TokenizeRequest,
  TokenizeResponse,
  detokenizeResponse,
  readDetokenizeRequest,
  readTokenizeRequest,
  tokenizeResponse,
} from './tokenize.ts';
export { ModelList, WireModel, modelList, wireModel, wireRoute } from './model-list.ts';
export { ErrorBody, errorBody } from './error-body.ts';
export { fileIdOf } from './media-url.ts';
export { SSE_DONE, SSE_HEARTBEAT, sseError, type StreamEncoder } from './sse.ts';
export {
  CHAT_PARAMS,
  CLASSIFY_PARAMS,
  COMPLETION_PARAMS,
  EMBEDDING_PARAMS,
  RERANK_PARAMS,
  TOKENIZE_PARAMS,
  type WireParams,
} from './wire-params.ts';
export { REFUSALS, type Refusal } from '../request-body/refusals.ts';
