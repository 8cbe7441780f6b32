import type { ContentPart, Message, ReasoningBlock, ToolCall } from '@golek/api';
import { z } from 'zod';
import { AssistantBlock, readPart, readReasoning, readText, TextBlock, UserBlock } from './content-blocks.ts';

export const System = z
  .union([z.string(), z.array(TextBlock)], 'expected a string or an array of text blocks')
  .nullish();

export const MessageParam = z
  .discriminatedUnion(
    'role',
    [
      z.strictObject({
        role: z.literal('user'),
        content: z.union([z.string(), z.array(UserBlock).min(1)], 'expected a string or an array of content blocks'),
      }),
      z.strictObject({
        role: z.literal('assistant'),
        content: z.union([z.string(), z.array(AssistantBlock)], 'expected a string or an array of content blocks'),
      }),
      z.strictObject({
        role: z.literal('system'),
        content: z.union([z.string(), z.array(TextBlock).min(1)], 'expected a string or an array of text blocks'),
      }),
    ],
    "expected 'user', 'assistant' or 'system'",
  )
  .meta({ id: 'AnthropicMessageParam' });
type MessageParam = z.output<typeof MessageParam>;
type Turn<R> = Extract<MessageParam, { role: R }>['content'];

/** Results of tools are messages of their own here; what stands between them stays in order. */
const readUser = (content: Turn<'user'>): Message[] => {
  if (typeof content === 'string') return [{ role: 'user', content: readText(content) }];
  const messages: Message[] = [];
  let parts: ContentPart[] = [];
  for (const block of content) {
    if (block.type !== 'tool_result') {
      if (parts.length === 0) messages.push({ role: 'user', content: parts });
      parts.push(readPart(block));
      continue;
    }
    parts = [];
    const { tool_use_id: toolCallId, content: result = [], is_error: isError } = block;
    messages.push({
      role: 'tool',
      toolCallId,
      content: typeof result === 'string' ? readText(result) : result.map(readPart),
      ...(isError !== undefined && { isError }),
    });
  }
  return messages;
};

/** A turn of the model has its reasoning first, then its text, then its calls, whatever the order of the blocks. */
const readAssistant = (content: Turn<'assistant'>): Message => {
  if (typeof content === 'string') return { role: 'assistant', content: readText(content) };
  const parts: ContentPart[] = [];
  const toolCalls: ToolCall[] = [];
  const blocks: ReasoningBlock[] = [];
  let reasoning = '';
  for (const block of content) {
    if (block.type === 'text') parts.push(readPart(block));
    else if (block.type === 'tool_use') {
      toolCalls.push({ id: block.id, name: block.name, arguments: JSON.stringify(block.input) });
    } else {
      if (block.type === 'thinking') reasoning += block.thinking;
      const signed = readReasoning(block);
      if (signed) blocks.push(signed);
    }
  }
  return {
    role: 'assistant',
    content: parts,
    ...(reasoning !== '' && { reasoning }),
    ...(blocks.length > 0 && { reasoningBlocks: blocks }),
    ...(toolCalls.length > 0 && { toolCalls }),
  };
};

/** The conversation, with the system prompt as its first message. */
export const readConversation = (system: z.output<typeof System>, messages: readonly MessageParam[]): Message[] => {
  const first = system == null ? [] : readText(system);
  return [
    ...(first.length > 0 ? [{ role: 'system' as const, content: first }] : []),
    ...messages.flatMap((message): Message[] => {
      switch (message.role) {
        case 'user':
          return readUser(message.content);
        case 'assistant':
          return [readAssistant(message.content)];
        case 'system':
          return [{ role: 'system', content: readText(message.content) }];
      }
    }),
  ];
};
