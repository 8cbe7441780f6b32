import { z } from 'zod';
import { ChatLogprobs } from '../token-logprobs.ts';

const ItemStatus = z.enum(['in_progress', 'completed', 'incomplete']);
const Phase = z.enum(['commentary', 'final_answer']);

const OutputText = z.strictObject({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: ChatLogprobs.shape.content,
});
const OutputRefusal = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });
export const ReasoningText = z.strictObject({ type: z.literal('reasoning_text'), text: z.string() });
/** A part of an answer's item that is streamed piece by piece. */
export const OutputPart = z.discriminatedUnion('type', [OutputText, ReasoningText]);

const AnswerMessageItem = z.strictObject({
  type: z.literal('message'),
  id: z.string(),
  role: z.literal('assistant'),
  status: ItemStatus,
  content: z.array(z.discriminatedUnion('type', [OutputText, OutputRefusal])),
  phase: Phase.exactOptional(),
});

const FunctionCallItem = z.strictObject({
  type: z.literal('function_call'),
  id: z.string(),
  call_id: z.string(),
  name: z.string(),
  namespace: z.string().exactOptional(),
  arguments: z.string(),
  status: ItemStatus,
});

const ReasoningItem = z.strictObject({
  type: z.literal('reasoning'),
  id: z.string(),
  summary: z.array(z.strictObject({ type: z.literal('summary_text'), text: z.string() })),
  content: z.array(ReasoningText),
  encrypted_content: z
    .string()
    .exactOptional()
    .describe('What proves the reasoning to the service that made it; only where it was asked for.'),
  status: ItemStatus,
});

/** A part of an answer. */
export const OutputItem = z
  .discriminatedUnion('type', [AnswerMessageItem, ReasoningItem, FunctionCallItem])
  .meta({ id: 'ResponseOutputItem' });
export type OutputItem = z.infer<typeof OutputItem>;

const image = { type: z.literal('input_image'), detail: z.literal('auto') };
const InputPart = z.union([
  z.strictObject({ type: z.literal('input_text'), text: z.string() }),
  z.strictObject({ ...image, image_url: z.string(), file_id: z.null() }),
  z.strictObject({ ...image, image_url: z.null(), file_id: z.string() }),
]);
export type InputPart = z.infer<typeof InputPart>;

const PromptMessageItem = z.strictObject({
  type: z.literal('message'),
  id: z.string(),
  role: z.enum(['user', 'system', 'developer']),
  status: z.literal('completed'),
  content: z.array(InputPart),
});

const FunctionOutputItem = z.strictObject({
  type: z.literal('function_call_output'),
  id: z.string(),
  call_id: z.string(),
  output: z.union([z.string(), z.array(InputPart)]),
  status: ItemStatus,
});

/** One step of a conversation, as it is kept and listed. */
export const ConversationItem = z
  .union([PromptMessageItem, FunctionOutputItem, AnswerMessageItem, ReasoningItem, FunctionCallItem])
  .meta({ id: 'ResponseItem' });
export type ConversationItem = z.infer<typeof ConversationItem>;

export type AssistantContent = z.infer<typeof AnswerMessageItem>['content'];
