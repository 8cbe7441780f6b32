export { JSON_LENGTH_HEADER, joinFrame, splitFrame, type BinaryFrame } from './binary-frame.ts';
export { codeOfGrpcStatus, GRPC_STATUS, grpcStatusOf, KserveError, kserveError } from './error-forms.ts';
export { generateAnswer, GenerateAnswer, GenerateBody, readGenerateBody } from './generate-body.ts';
export { modelInferRequest, modelInferResponse, readModelInfer, readModelInferResponse } from './grpc-infer.ts';
export { answerTensors, readCall, timeoutOf, type InferCall, type ModelFacts } from './infer-call.ts';
export { VERSION, type InferAnswer, type InferMessage } from './infer-message.ts';
export {
  modelConfig,
  ModelConfigBody,
  modelConfigMessage,
  ModelMetadata,
  modelMetadata,
  modelMetadataResponse,
  readPorts,
} from './model-description.ts';
export type { Parameters } from './parameters.ts';
export {
  inferRequestBody,
  InferRequestBody,
  InferResponseBody,
  inferResponseBody,
  readInferBody,
  readInferResponseBody,
  type RestInferMessage,
} from './rest-infer.ts';
export { DEFAULT_MAX_TOKENS } from './sampling-parameters.ts';
export {
  ModelStats,
  modelStatistics,
  modelStats,
  RepositoryIndex,
  repositoryIndex,
  repositoryIndexResponse,
  ServerMetadata,
  serverMetadata,
  type IndexedModel,
  type ModelCounts,
} from './server-description.ts';
export { TextPieces, type TextCall } from './text-call.ts';
