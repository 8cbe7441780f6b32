export type {
  Health,
  ListedModel,
  ModelSession,
  ModelSource,
  OpenOptions,
  Provider,
  ProviderCapabilities,
  Recycle,
  RunContext,
  SessionCapabilities,
  PrefixLoad,
  SpeculationLoad,
  SessionLoad,
  SessionThreads,
} from './provider.ts';
export { REQUEST_OPTIONS, refuseUnsupported, usedOptions, type RequestOption } from './request-options.ts';
export { childSpan, type SpanPiece } from './child-span.ts';
export { checkOptions, invalidOption, type OptionRule } from './option-rules.ts';
export { ProviderWork } from './provider-work.ts';
export { RunSlots } from './run-slots.ts';

// What a provider needs of @golek/api, so that a provider package depends on this package only.
export { fileKind, GolekError, nearest, textOf } from '@golek/api/plain';
export type {
  AdapterChoice,
  Attributes,
  AudioPart,
  ClassifyRequest,
  ContentPart,
  CountRequest,
  EmbedRequest,
  ErrorCode,
  FinishReason,
  GenerateRequest,
  HealthStatus,
  ImagePart,
  InferenceEvent,
  InferenceRequest,
  JsonSchema,
  Log,
  Message,
  ModelManifest,
  NamedTensor,
  OutputFormat,
  ReasoningBlock,
  RerankRequest,
  Sampling,
  SpanData,
  Task,
  TensorPort,
  TensorRequest,
  TokenCandidate,
  TokenLogprob,
  Tool,
  ToolCall,
  ToolChoice,
  Usage,
} from '@golek/api';
