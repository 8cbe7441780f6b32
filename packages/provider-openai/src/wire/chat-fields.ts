import { hash } from 'node:crypto';
import { textOf, type ContentPart, type GenerateRequest, type Message, type ToolCall } from '@golek/providers-spi';

import type { Dialect } from '../dialect.ts';
import { imageUrl } from './image-url.ts';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;
type Fields = Record<string, unknown>;

/** Text alone is a string, which every service takes; parts only where there is an image. */
const contentOf = (content: readonly ContentPart[]): unknown =>
  content.every(({ type }) => type === 'text') ? textOf(content) : content.map(partOf);

const partOf = (part: ContentPart): object => {
  if (part.type === 'text') return { type: 'text', text: part.text };
  return { type: 'image_url', image_url: { url: imageUrl(part) } };
};

/** A call is named by its id in two messages: the same id becomes the same other one. */
const callIdOf = (id: string, { callIds }: Dialect): string =>
  callIds === undefined || /^[a-zA-Z0-9]{9}$/.test(id) ? id : hash('sha256', id, 'hex').slice(0, 9);

const toolCallOf = ({ id, name, arguments: text }: ToolCall, dialect: Dialect): object => ({
  id: callIdOf(id, dialect),
  type: 'function',
  function: { name, arguments: text },
});

/** Reasoning of earlier turns is not sent: services refuse it or drop it, but for those that want it beside the calls that it led to. */
const reasoningFields = (message: Extract<Message, { role: 'assistant' }>, { reasoningBack }: Dialect): Fields => {
  if (reasoningBack === undefined || !message.toolCalls?.length) return {};
  return { [reasoningBack]: message.reasoning };
};

const messageOf = (message: Message, dialect: Dialect): object => {
  switch (message.role) {
    case 'assistant': {
      const calls = message.toolCalls?.length ? message.toolCalls.map((call) => toolCallOf(call, dialect)) : undefined;
      const text = textOf(message.content);
      return {
        role: 'assistant',
        content: text === '' && calls ? null : text,
        ...reasoningFields(message, dialect),
        tool_calls: calls,
        name: dialect.names === false ? undefined : message.name,
      };
    }
    case 'tool':
      return { role: 'tool', tool_call_id: callIdOf(message.toolCallId, dialect), content: textOf(message.content) };
    default:
      return {
        role: message.role,
        content: contentOf(message.content),
        name: dialect.names === false ? undefined : message.name,
      };
  }
};

const toolChoiceOf = ({ toolChoice }: ChatInput, { anyTool = 'required' }: Dialect): unknown => {
  if (!toolChoice) return undefined;
  if (toolChoice.type === 'tool') return { type: 'function', function: { name: toolChoice.name } };
  return toolChoice.type === 'required' ? anyTool : toolChoice.type;
};

/** Messages and tools of a chat. Services refuse a choice among no tools, so it goes with tools only. */
export const chatFields = (input: ChatInput, dialect: Dialect): Fields => ({
  messages: input.messages.map((message) => messageOf(message, dialect)),
  ...(input.tools?.length && {
    tools: input.tools.map(({ name, description, parameters, strict }) => ({
      type: 'function',
      function: { name, description, parameters, strict },
    })),
    tool_choice: toolChoiceOf(input, dialect),
    parallel_tool_calls: input.parallelToolCalls,
  }),
});
