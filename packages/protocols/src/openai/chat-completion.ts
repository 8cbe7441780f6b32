import type { GeneratedChoice, InferenceResult } from '@golek/api';
import { z } from 'zod';
import type { ChatAnswerOptions } from './chat-request.ts';
import { CompletionUsage, completionUsage } from './completion-usage.ts';
import { CHAT_FINISH_REASONS, checkFinished } from './finish-reason.ts';
import { ChatLogprobs, chatLogprobs } from './token-logprobs.ts';

export const ChatFinishReason = z.enum(Object.values(CHAT_FINISH_REASONS));

const AnswerMessage = z.strictObject({
  role: z.literal('assistant'),
  content: z.string().nullable(),
  refusal: z.null(),
  reasoning_content: z.string().exactOptional(),
  tool_calls: z
    .array(
      z.strictObject({
        id: z.string(),
        type: z.literal('function'),
        function: z.strictObject({ name: z.string(), arguments: z.string() }),
      }),
    )
    .exactOptional(),
});

/** The unary answer of POST /v1/chat/completions. `reasoning_content` and `warnings` are extensions, present when there are any. */
export const ChatCompletion = z
  .strictObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    service_tier: z.literal('default').exactOptional(),
    metadata: z.record(z.string(), z.string()).exactOptional(),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        message: AnswerMessage,
        logprobs: ChatLogprobs.nullable(),
        finish_reason: ChatFinishReason,
      }),
    ),
    usage: CompletionUsage.exactOptional(),
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'ChatCompletion' });
export type ChatCompletion = z.infer<typeof ChatCompletion>;

/** Which answer it is and when it was begun. */
export interface AnswerIdentity {
  /** Id of the request. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
}

const messageOf = ({ text, reasoning, toolCalls }: GeneratedChoice): ChatCompletion['choices'][number]['message'] => ({
  role: 'assistant',
  content: text === '' && toolCalls.length > 0 ? null : text,
  refusal: null,
  ...(reasoning !== '' && { reasoning_content: reasoning }),
  ...(toolCalls.length > 0 && {
    tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
      id,
      type: 'function',
      function: { name, arguments: text },
    })),
  }),
});

/** Throws `provider_failed` when an answer is missing. */
export const chatCompletion = (
  result: InferenceResult,
  { id, created }: AnswerIdentity,
  { choices, showTier, metadata }: ChatAnswerOptions,
): ChatCompletion => {
  checkFinished(result.choices.length, choices);
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created,
    model: result.model,
    ...(showTier && { service_tier: 'default' }),
    ...(metadata && { metadata: { ...metadata } }),
    choices: result.choices.map((choice, index) => ({
      index,
      message: messageOf(choice),
      logprobs: choice.logprobs.length > 0 ? chatLogprobs(choice.logprobs) : null,
      finish_reason: CHAT_FINISH_REASONS[choice.finish],
    })),
    ...(result.usage && { usage: completionUsage(result.usage) }),
    ...(result.warnings.length > 0 && { warnings: result.warnings }),
  };
};
