import { ERROR_CODES } from '@golek/api';
import { z } from 'zod';
import { ChatFinishReason } from '../openai/chat-completion.ts';
import { CompletionUsage } from '../openai/completion-usage.ts';
import { ChatLogprobs } from '../openai/token-logprobs.ts';
import { JsonTensor } from '../tensors/json-tensor.ts';

const id = z.string();
const index = z.int().min(0);

const StartedMessage = z.strictObject({
  type: z.literal('started'),
  id,
  request_id: z.string().describe('As in logs and traces; DELETE /v1/requests/:id takes it.'),
  model: z.string(),
  route: z
    .strictObject({
      name: z.string(),
      strategy: z.string().exactOptional(),
      reasons: z.array(z.string()),
      failed: z.array(z.strictObject({ model: z.string(), code: z.string() })),
    })
    .exactOptional()
    .describe('Which target answers, and why; as x-golek-route.'),
});
export type StartedMessage = z.infer<typeof StartedMessage>;

const delta = { type: z.literal('delta'), id, choice: index };

const DeltaMessage = z.union([
  z.strictObject({ ...delta, text: z.string(), logprobs: ChatLogprobs.shape.content.exactOptional() }),
  z.strictObject({
    ...delta,
    reasoning: z.string(),
    signature: z
      .string()
      .exactOptional()
      .describe('Ends a block of reasoning that its service can prove to be its own.'),
    redacted: z.string().exactOptional().describe('A whole block that the service shows only encrypted.'),
  }),
  z.strictObject({
    ...delta,
    tool_call: z.strictObject({
      index,
      id: z.string().exactOptional(),
      name: z.string().exactOptional(),
      arguments: z.string(),
    }),
  }),
]);

const EmbeddingMessage = z.strictObject({
  type: z.literal('embedding'),
  id,
  index,
  embedding: z.union([z.array(z.number()), z.string()]),
});

const ScoresMessage = z.strictObject({
  type: z.literal('scores'),
  id,
  results: z.array(
    z.strictObject({
      index,
      relevance_score: z.number(),
      document: z.looseObject({ text: z.string() }).exactOptional(),
    }),
  ),
});

const label = { label: z.string(), score: z.number() };

const LabelsMessage = z.union([
  z.strictObject({ type: z.literal('labels'), id, index, predictions: z.array(z.strictObject(label)) }),
  z.strictObject({
    type: z.literal('labels'),
    id,
    index,
    entities: z.array(z.strictObject({ ...label, start: z.int(), end: z.int(), text: z.string().exactOptional() })),
  }),
]);

const TensorMessage = z.strictObject({ type: z.literal('tensor'), id, tensor: JsonTensor.required({ shape: true }) });

const WarningMessage = z.strictObject({ type: z.literal('warning'), id: id.exactOptional(), message: z.string() });

const FinishedMessage = z.strictObject({
  type: z.literal('finished'),
  id,
  choices: z
    .array(z.strictObject({ index, finish_reason: ChatFinishReason, stop: z.string().exactOptional() }))
    .exactOptional(),
  usage: CompletionUsage.exactOptional(),
  awaits_tool_results: z
    .literal(true)
    .exactOptional()
    .describe('The conversation is kept for a while: `tool_result` goes on with it.'),
});
export type FinishedMessage = z.infer<typeof FinishedMessage>;

const ErrorMessage = z.strictObject({
  type: z.literal('error'),
  id: id.exactOptional().describe('The request that this ends. Absent: it is about a message, and ends nothing.'),
  request_id: z.string().exactOptional(),
  code: z.enum(ERROR_CODES as [string, ...string[]]),
  message: z.string(),
  param: z.string().nullable(),
  retryable: z.boolean(),
  retry_after: z.number().exactOptional().describe('Seconds.'),
});
export type ErrorMessage = z.infer<typeof ErrorMessage>;

const PongMessage = z.strictObject({ type: z.literal('pong'), payload: z.string().exactOptional() });

/** Everything that a server sends. */
export const ServerMessage = z
  .union([
    StartedMessage,
    DeltaMessage,
    EmbeddingMessage,
    ScoresMessage,
    LabelsMessage,
    TensorMessage,
    WarningMessage,
    FinishedMessage,
    ErrorMessage,
    PongMessage,
  ])
  .meta({ id: 'WebSocketServerMessage' });
export type ServerMessage = z.infer<typeof ServerMessage>;
