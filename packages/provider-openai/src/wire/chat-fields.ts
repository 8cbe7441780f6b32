import { textOf, type ContentPart, type GenerateRequest, type Message, type ToolCall } from '@golek/providers-spi';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;
type Fields = Record<string, unknown>;

/** Text alone is a string, which every service takes; parts only where there is an image. */
const contentOf = (content: readonly ContentPart[]): unknown =>
  content.every(({ type }) => type === 'text') ? textOf(content) : content.map(partOf);

const partOf = (part: ContentPart): object => {
  if (part.type === 'text') return { type: 'text', text: part.text };
  const { source } = part;
  const url = source.kind === 'url' ? source.url : `data:${source.mediaType};base64,${source.data}`;
  return { type: 'image_url', image_url: { url } };
};

const toolCallOf = ({ id, name, arguments: text }: ToolCall): object => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

const messageOf = (message: Message): object => {
  switch (message.role) {
    case 'assistant': {
      const calls = message.toolCalls?.length ? message.toolCalls.map(toolCallOf) : undefined;
      const text = textOf(message.content);
      // Reasoning of earlier turns is not sent: services refuse it or drop it.
      return { role: 'assistant', content: text === '' && calls ? null : text, tool_calls: calls, name: message.name };
    }
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: textOf(message.content) };
    default:
      return { role: message.role, content: contentOf(message.content), name: message.name };
  }
};

const toolChoiceOf = ({ toolChoice }: ChatInput): unknown => {
  if (!toolChoice) return undefined;
  return toolChoice.type === 'tool' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice.type;
};

/** Messages and tools of a chat. Services refuse a choice among no tools, so it goes with tools only. */
export const chatFields = (input: ChatInput): Fields => ({
  messages: input.messages.map(messageOf),
  ...(input.tools?.length && {
    tools: input.tools.map(({ name, description, parameters, strict }) => ({
      type: 'function',
      function: { name, description, parameters, strict },
    })),
    tool_choice: toolChoiceOf(input),
    parallel_tool_calls: input.parallelToolCalls,
  }),
});
