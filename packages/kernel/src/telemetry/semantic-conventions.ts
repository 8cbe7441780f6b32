/**
 * Every telemetry name that Golek takes from OpenTelemetry's semantic conventions or adds to them, in one place: the gen_ai part still moves. As of version
 * 1.45.0 of the conventions (`@opentelemetry/semantic-conventions`, entry `incubating`), whose gen_ai part has moved to the repository
 * open-telemetry/semantic-conventions-genai without a change of these names; a test compares them.
 */
export const SEMANTIC_CONVENTIONS_VERSION = '1.45.0';

/** Attributes of spans and metrics that the conventions define. */
export const ATTR = {
  errorType: 'error.type',

  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  rpcSystem: 'rpc.system.name',
  rpcMethod: 'rpc.method',
  rpcStatus: 'rpc.status_code',
  urlPath: 'url.path',
  urlScheme: 'url.scheme',
  networkProtocolVersion: 'network.protocol.version',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  clientAddress: 'client.address',
  userAgent: 'user_agent.original',

  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  maxTokens: 'gen_ai.request.max_tokens',
  temperature: 'gen_ai.request.temperature',
  topP: 'gen_ai.request.top_p',
  topK: 'gen_ai.request.top_k',
  seed: 'gen_ai.request.seed',
  frequencyPenalty: 'gen_ai.request.frequency_penalty',
  presencePenalty: 'gen_ai.request.presence_penalty',
  choiceCount: 'gen_ai.request.choice.count',
  outputType: 'gen_ai.output.type',
  dimensions: 'gen_ai.embeddings.dimension.count',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedInputTokens: 'gen_ai.usage.cache_read.input_tokens',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',

  processPid: 'process.pid',
  cpuMode: 'cpu.mode',
  gcType: 'v8js.gc.type',
} as const;

/** Attributes that are Golek's own. */
export const GOLEK_ATTR = {
  requestId: 'golek.request.id',
  protocol: 'golek.request.protocol',
  phase: 'golek.phase',
  /** Seconds that an interceptor took until it went on. */
  phaseDuration: 'golek.phase.duration',
  /** True when the interceptor answered itself, e.g. from a cache. */
  answered: 'golek.phase.answered',
  outcome: 'golek.outcome',
  route: 'golek.route.name',
  routeStrategy: 'golek.route.strategy',
  routeReasons: 'golek.route.reasons',
  /** `canary` or `stable`. */
  canarySide: 'golek.canary.side',
  /** Which attempt of the request it is, from 1. */
  attempt: 'golek.attempt',
  attemptOutcome: 'golek.attempt.outcome',
  /** True for an attempt that runs beside another one. */
  hedge: 'golek.attempt.hedge',
  /** How many stop strings the request has; which ones is content. */
  stopCount: 'golek.request.stop_count',
  /** True when prompt or answer did not fit the configured bound. */
  contentTruncated: 'golek.content.truncated',
  state: 'golek.state',
  reason: 'golek.reason',
} as const;

/** Values of `gen_ai.operation.name`; tasks that the conventions do not know keep their own name. */
export const OPERATION = { chat: 'chat', textCompletion: 'text_completion', embeddings: 'embeddings' } as const;

/** Metrics that the conventions define. */
export const METRIC = {
  httpDuration: 'http.server.request.duration',
  httpActive: 'http.server.active_requests',
  rpcDuration: 'rpc.server.call.duration',
  requestDuration: 'gen_ai.server.request.duration',
  timeToFirstToken: 'gen_ai.server.time_to_first_token',
  timePerOutputToken: 'gen_ai.server.time_per_output_token',
  cpuTime: 'process.cpu.time',
  memory: 'process.memory.usage',
  uptime: 'process.uptime',
  eventLoopUtilization: 'nodejs.eventloop.utilization',
  eventLoopDelayP50: 'nodejs.eventloop.delay.p50',
  eventLoopDelayP99: 'nodejs.eventloop.delay.p99',
  eventLoopDelayMax: 'nodejs.eventloop.delay.max',
  heapUsed: 'v8js.memory.heap.used',
  gcDuration: 'v8js.gc.duration',
} as const;

/** Upper bounds of histogram buckets, as the conventions advise for the metric in question. */
export const BOUNDS = {
  /** gen_ai request durations, seconds. */
  request: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
  /** Seconds until the first token; also for waiting and prefill. */
  firstToken: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  /** Seconds between tokens. The conventions begin at 10 ms; small models on a CPU take less than one. */
  perToken: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  /** Tokens of one request. */
  tokens: [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576],
  /** Durations of HTTP requests and gRPC calls, seconds. */
  http: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  /** Garbage collection, seconds. */
  gc: [0.01, 0.1, 1, 10],
  /** Loading a model, seconds. */
  load: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
} as const;
