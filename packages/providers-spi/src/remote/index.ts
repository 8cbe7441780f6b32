// The provider, and what a kind of service adds to it.
export { RemoteProvider, type RemoteModel, type RemoteService } from './remote-provider.ts';
export {
  booleanRule,
  integerRule,
  listRule,
  objectRule,
  oneOfRule,
  resolveUpstream,
  type ResolvedUpstream,
  type UpstreamKind,
  type UpstreamOptions,
} from './upstream-options.ts';
export type { TlsOptions } from './tls-options.ts';
export { verifyListed } from './verify-listed.ts';

// Runs.
export { StreamedRun, type AnswerReader, type StreamPlan } from './streamed-run.ts';
export { unaryRun, type UnaryPlan } from './unary-run.ts';
export type { RunHost, RunRequest } from './run-scope.ts';

// The wire.
export { LineReader } from './line-reader.ts';
export { SseReader } from './sse-reader.ts';
export { requestJson, requestText } from './request-json.ts';
export { Upstream, type Outgoing, type ServiceHeaders } from './upstream.ts';
export type { ResponseHead } from './exchange.ts';
export { answerJson } from './answer-json.ts';
export { exactParser } from './exact-json.ts';
export { embeddingEvents, vectorOf } from './embedding-events.ts';
export { tokenCandidate, tokenLogprobs } from './token-logprobs.ts';
export { asCount, asList, asObject, asText, parseJson, type JsonObject } from './json.ts';
export { errorObjectOf, malformedFailure, reportedFailure, type FailureContext } from './upstream-failure.ts';
