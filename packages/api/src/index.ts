export { ERROR_CATALOGUE, ERROR_CODES, isErrorCode, type ErrorCode, type ErrorEntry } from './error-catalogue.ts';
export { ErrorData } from './error-data.ts';
export { GolekError, type ErrorDetails, type GolekErrorOptions } from './golek-error.ts';
export { KEEP_ALIVE_FORMS, keepAliveMs } from './keep-alive.ts';
export { fileKind } from './file-kind.ts';
export { nearest } from './nearest.ts';
export { AudioPart, ContentPart, ImagePart, Message, ReasoningBlock, TextPart, ToolCall } from './content.ts';
export { textOf } from './text-of.ts';
export {
  ClassifyRequest,
  CountRequest,
  DetokenizeRequest,
  AdapterChoice,
  EmbedRequest,
  GenerateRequest,
  InferenceRequest,
  JsonSchema,
  OutputFormat,
  RerankRequest,
  Sampling,
  TASKS,
  Task,
  TemplateOptions,
  TensorRequest,
  TokenizeRequest,
  Tool,
  ToolChoice,
} from './request.ts';
export { NamedTensor, TensorPort, TensorType } from './tensor.ts';
export { Usage } from './usage.ts';
export {
  FinishReason,
  InferenceEvent,
  RouteTaken,
  TokenCandidate,
  TokenLogprob,
  type InferenceEventType,
} from './event.ts';
export { collect, type GeneratedChoice, type InferenceResult } from './collect.ts';
export { ModelManifest } from './model-manifest.ts';
export {
  Canary,
  CanaryRollback,
  ModelRoute,
  RouteTarget,
  ROUTING_STRATEGIES,
  RoutingStrategy,
  StickyKey,
  type ModelRouteInput,
  type ScoreWeights,
} from './model-route.ts';
export { HealthStatus } from './health.ts';
export { LifecycleEvent, type LifecycleEventType, type PublishedEvent } from './lifecycle-event.ts';
export type { Attributes, AttributeValue, SpanData, SpanEvent } from './span.ts';
export type { KeyValueStore, PutOptions, StoredValue } from './key-value-store.ts';
export { LOCAL_PRINCIPAL, Principal } from './principal.ts';
export { JSON_SCHEMA_NAMES, jsonSchemaOf, type JsonSchemaName } from './json-schemas.ts';
export { describeIssue } from './describe-issue.ts';
export { SILENT_LOG, type Log } from './log.ts';
