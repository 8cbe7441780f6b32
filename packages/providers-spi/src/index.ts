export type {
  Health,
  ModelSession,
  ModelSource,
  OpenOptions,
  Provider,
  ProviderCapabilities,
  RunContext,
  SessionCapabilities,
  SessionLoad,
} from './provider.ts';
export { REQUEST_OPTIONS, refuseUnsupported, usedOptions, type RequestOption } from './request-options.ts';
export { RunSlots } from './run-slots.ts';

// What a provider needs of @golek/api, so that a provider package depends on this package only.
export { GolekError, nearest, textOf } from '@golek/api/plain';
export type {
  Attributes,
  ContentPart,
  EmbedRequest,
  ErrorCode,
  FinishReason,
  GenerateRequest,
  HealthStatus,
  InferenceEvent,
  InferenceRequest,
  JsonSchema,
  Log,
  Message,
  ModelManifest,
  OutputFormat,
  Sampling,
  SpanData,
  Task,
  TokenCandidate,
  TokenLogprob,
  Tool,
  ToolCall,
  ToolChoice,
  Usage,
} from '@golek/api';
