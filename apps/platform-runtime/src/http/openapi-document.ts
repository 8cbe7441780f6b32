import {
  ChatCompletion,
  ChatCompletionChunk,
  ChatRequest,
  Completion,
  CompletionChunk,
  CompletionRequest,
  DetokenizeBody,
  DetokenizeResponse,
  EmbeddingRequest,
  EmbeddingResponse,
  ErrorBody,
  ModelList,
  REFUSALS,
  TokenizeRequest,
  TokenizeResponse,
  WireModel,
} from '@golek/protocols/openai';
import { z } from 'zod';
import { Liveness, Readiness, UsageReport } from './health.ts';

const REQUESTS = z.object({ ChatRequest, CompletionRequest, EmbeddingRequest, TokenizeRequest, DetokenizeBody });
const RESPONSES = z.object({
  ChatCompletion,
  ChatCompletionChunk,
  Completion,
  CompletionChunk,
  EmbeddingResponse,
  TokenizeResponse,
  DetokenizeResponse,
  ModelList,
  WireModel,
  ErrorBody,
  Liveness,
  Readiness,
  UsageReport,
});

type JsonObject = Record<string, unknown>;

/** The schemas' JSON Schemas by id, with references as OpenAPI has them. Words say which values of a parameter are refused. */
const schemasOf = (all: z.ZodObject, io: 'input' | 'output'): JsonObject => {
  const { $defs } = z.toJSONSchema(all, {
    io,
    override: ({ zodSchema, jsonSchema }) => {
      const remedy = REFUSALS.get(zodSchema)?.remedy;
      if (remedy !== undefined) jsonSchema.description = `Other values are refused: ${remedy}.`;
    },
  });
  return JSON.parse(JSON.stringify($defs).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonObject;
};

const content = (schema: z.ZodType, mediaType = 'application/json'): JsonObject => {
  const id = z.globalRegistry.get(schema)?.id;
  if (id === undefined) throw new TypeError('a schema of the OpenAPI document has no id');
  return { [mediaType]: { schema: { $ref: `#/components/schemas/${id}` } } };
};

interface Operation {
  readonly summary: string;
  readonly tag: 'inference' | 'models' | 'tokens' | 'operation';
  readonly request?: z.ZodType;
  readonly response?: z.ZodType;
  /** Content of each server-sent event, for an answer that can be streamed. */
  readonly chunk?: z.ZodType;
  /** Name of the path's variable part. */
  readonly parameter?: string;
  /** Answers beside success and error objects, by status. */
  readonly others?: Readonly<Record<string, { readonly description: string; readonly schema: z.ZodType }>>;
}

const operation = ({ summary, tag, request, response, chunk, parameter, others = {} }: Operation): JsonObject => ({
  summary,
  tags: [tag],
  ...(parameter !== undefined && {
    parameters: [{ name: parameter, in: 'path', required: true, schema: { type: 'string' } }],
  }),
  ...(request && { requestBody: { required: true, content: content(request) } }),
  responses: {
    200: {
      description: 'Success.',
      content: {
        ...(response ? content(response) : { 'application/json': { schema: { type: 'object' } } }),
        ...(chunk && content(chunk, 'text/event-stream')),
      },
    },
    ...Object.fromEntries(
      Object.entries(others).map(([status, { description, schema }]) => [
        status,
        { description, content: content(schema) },
      ]),
    ),
    default: { $ref: '#/components/responses/Error' },
  },
});

const PATHS: Readonly<Record<string, { readonly get?: Operation; readonly post?: Operation }>> = {
  '/v1/chat/completions': {
    post: {
      summary: 'Continue a conversation.',
      tag: 'inference',
      request: ChatRequest,
      response: ChatCompletion,
      chunk: ChatCompletionChunk,
    },
  },
  '/v1/completions': {
    post: {
      summary: 'Continue texts.',
      tag: 'inference',
      request: CompletionRequest,
      response: Completion,
      chunk: CompletionChunk,
    },
  },
  '/v1/embeddings': {
    post: {
      summary: 'Turn texts into vectors.',
      tag: 'inference',
      request: EmbeddingRequest,
      response: EmbeddingResponse,
    },
  },
  '/v1/models': { get: { summary: 'List the models.', tag: 'models', response: ModelList } },
  '/v1/models/{id}': {
    get: { summary: 'Describe a model, by name or alias.', tag: 'models', parameter: 'id', response: WireModel },
  },
  '/tokenize': {
    post: { summary: 'Turn text into tokens.', tag: 'tokens', request: TokenizeRequest, response: TokenizeResponse },
  },
  '/detokenize': {
    post: { summary: 'Turn tokens into text.', tag: 'tokens', request: DetokenizeBody, response: DetokenizeResponse },
  },
  '/health/live': { get: { summary: 'Whether the process runs.', tag: 'operation', response: Liveness } },
  '/health/ready': {
    get: {
      summary: 'Whether requests are taken, and the state of the models.',
      tag: 'operation',
      response: Readiness,
      others: { 503: { description: 'Not ready, with the reasons.', schema: Readiness } },
    },
  },
  '/openapi.json': { get: { summary: 'This document.', tag: 'operation' } },
  '/admin/v1/usage': {
    get: { summary: 'Requests and tokens since the start, by model.', tag: 'operation', response: UsageReport },
  },
};

/** The OpenAPI 3.1 document of the server, made from the schemas that check its requests. */
export const openApiDocument = (version: string): JsonObject => ({
  openapi: '3.1.0',
  info: {
    title: 'Golek',
    version,
    description: "OpenAI's API on models that Golek runs, and the server's own state.",
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  tags: [
    { name: 'inference', description: "OpenAI's API: running models." },
    { name: 'models', description: 'Which models there are.' },
    { name: 'tokens', description: "llama-server's form of tokenizing." },
    { name: 'operation', description: 'State of the server.' },
  ],
  paths: Object.fromEntries(
    Object.entries(PATHS).map(([path, { get, post }]) => [
      path,
      { ...(get && { get: operation(get) }), ...(post && { post: operation(post) }) },
    ]),
  ),
  components: {
    schemas: { ...schemasOf(REQUESTS, 'input'), ...schemasOf(RESPONSES, 'output') },
    responses: { Error: { description: 'A failure.', content: content(ErrorBody) } },
  },
});
