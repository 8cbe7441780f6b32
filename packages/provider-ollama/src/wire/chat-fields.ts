import {
  GolekError,
  textOf,
  type ContentPart,
  type GenerateRequest,
  type InferenceEvent,
  type Message,
  type ToolCall,
} from '@golek/providers-spi';
import { asObject, parseJson } from '@golek/providers-spi/remote';

type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

/** What a chat becomes: messages as JSON text, so that no number in the arguments of a call is rounded. */
interface ChatFields {
  readonly messages: string;
  readonly tools: readonly object[] | undefined;
}

/** Throws `unsupported` for an address: the protocol takes bytes only. */
const picturesOf = (content: readonly ContentPart[]): string[] =>
  content.flatMap((part) => {
    if (part.type !== 'image') return [];
    if (part.source.kind === 'base64') return [part.source.data];
    throw new GolekError('unsupported', "an Ollama server takes pictures as bytes, not by address ('input.image')", {
      details: { option: 'input.image' },
    });
  });

/** Pictures come before the text there. */
const isMixed = (content: readonly ContentPart[]): boolean =>
  content.some(({ type }, index) => type === 'text' && content.slice(index).some((later) => later.type === 'image'));

const fields = (object: Readonly<Record<string, unknown>>): string => JSON.stringify(object).slice(1, -1);

const toolCallText = ({ id, name, arguments: text }: ToolCall): string => {
  const written = text === '' ? '{}' : text;
  if (!asObject(parseJson(written))) {
    throw new GolekError(
      'invalid_request',
      `the call of the tool '${name}' in the conversation has arguments that are no JSON object, which an Ollama server needs`,
    );
  }
  return `{"id":${JSON.stringify(id)},"function":{"name":${JSON.stringify(name)},"arguments":${written}}}`;
};

const messageText = (message: Message, names: ReadonlyMap<string, string>): string => {
  const images = picturesOf(message.content);
  const base = fields({
    role: message.role,
    content: textOf(message.content),
    ...(images.length > 0 && { images }),
    ...(message.role === 'assistant' && { thinking: message.reasoning }),
    ...(message.role === 'tool' && { tool_name: names.get(message.toolCallId), tool_call_id: message.toolCallId }),
  });
  const calls = message.role === 'assistant' ? (message.toolCalls ?? []) : [];
  return calls.length === 0 ? `{${base}}` : `{${base},"tool_calls":[${calls.map(toolCallText).join(',')}]}`;
};

/** What the conversation says and the protocol has no place for. */
const warningsOf = ({ messages, tools = [] }: ChatInput): string[] => [
  ...(messages.some((message) => 'name' in message && message.name !== undefined)
    ? ["the 'name' of messages is left out: an Ollama server takes none"]
    : []),
  ...(messages.some(({ content }) => isMixed(content))
    ? ['pictures are put before the text of their message: an Ollama server keeps no order among them']
    : []),
  ...(messages.some((message) => message.role === 'tool' && message.isError)
    ? ["that a tool failed ('isError') is left out: an Ollama server reads its text only"]
    : []),
  ...(tools.some(({ strict }) => strict === true)
    ? ["'strict' of tools is left out: an Ollama server does not enforce the schema of arguments"]
    : []),
];

/** Messages and tools of a chat. Adds a warning for what has no place in them. */
export const chatFields = (input: ChatInput, events: InferenceEvent[]): ChatFields => {
  const { messages, tools, toolChoice } = input;
  for (const message of warningsOf(input)) events.push({ type: 'warning', message });
  const names = new Map(
    messages.flatMap((message) =>
      message.role === 'assistant' ? (message.toolCalls ?? []).map(({ id, name }) => [id, name] as const) : [],
    ),
  );
  return {
    messages: `[${messages.map((message) => messageText(message, names)).join(',')}]`,
    // The protocol has no choice among tools: none are shown where none may be called.
    tools:
      tools?.length && toolChoice?.type !== 'none'
        ? tools.map(({ name, description, parameters }) => ({
            type: 'function',
            // A tool without parameters has an empty schema there.
            function: { name, description, parameters: parameters ?? { type: 'object', properties: {} } },
          }))
        : undefined,
  };
};
