import type { ContentPart, Message, ToolCall } from '@golek/api';
import { z } from 'zod';
import { invalid } from '../request-body/parse-body.ts';
import { Images, readImages } from './images.ts';

const WireToolCall = z.strictObject({
  id: z.string().nullish(),
  type: z.literal('function').nullish(),
  function: z.strictObject({
    name: z.string().min(1),
    description: z.string().nullish(),
    index: z.int().min(0).nullish(),
    arguments: z.record(z.string(), z.unknown()).nullish(),
  }),
});

/** One message of a conversation; an answer of the API can be sent back as it is. */
export const OllamaMessage = z
  .strictObject({
    role: z.enum(['system', 'user', 'assistant', 'tool']),
    content: z.string().nullish(),
    thinking: z.string().nullish(),
    images: Images,
    tool_calls: z.array(WireToolCall).nullish(),
    tool_name: z.string().nullish().describe('Name of the tool whose result this is.'),
    name: z.string().nullish().describe("The older name of 'tool_name'."),
    tool_call_id: z
      .string()
      .nullish()
      .describe('The call whose result this is; absent: the first of that tool without one.'),
  })
  .meta({ id: 'OllamaMessage' });
type OllamaMessage = z.output<typeof OllamaMessage>;

/** The calls that have no result yet, in order: clients name the tool, or nothing, where a conversation needs the call. */
class OpenCalls {
  readonly #open: Pick<ToolCall, 'id' | 'name'>[] = [];

  add(calls: readonly ToolCall[]): void {
    this.#open.push(...calls);
  }

  /** Throws `invalid_request` for a result without a call. */
  answer({ tool_call_id: id, tool_name, name: older }: OllamaMessage, index: number): string {
    const name = tool_name ?? older;
    const known = this.#open.findIndex((call) => call.id === id);
    const named = known < 0 && name != null ? this.#open.findIndex((call) => call.name === name) : known;
    const [found] = this.#open.splice(Math.max(0, named), 1);
    if (found) return found.id;
    throw invalid(
      `messages[${index}]`,
      `'messages[${index}]' is the result of a tool, but every call before it has one; send the assistant's message with its 'tool_calls'`,
    );
  }
}

const readCalls = ({ tool_calls: calls }: OllamaMessage, index: number): ToolCall[] =>
  (calls ?? []).map(({ id, function: called }, position) => ({
    id: id ?? `call_${index}_${position}`,
    name: called.name,
    arguments: JSON.stringify(called.arguments ?? {}),
  }));

const readContent = (message: OllamaMessage, index: number): ContentPart[] => {
  const pictures = readImages(message.images, `messages[${index}].images`);
  return message.content == null || message.content === ''
    ? pictures
    : [...pictures, { type: 'text', text: message.content }];
};

/** Throws `invalid_request` for a picture of an unknown kind and for the result of a tool that was not called. */
export const readMessages = (messages: readonly OllamaMessage[]): Message[] => {
  const open = new OpenCalls();
  return messages.map((message, index): Message => {
    const content = readContent(message, index);
    switch (message.role) {
      case 'system':
      case 'user':
        return { role: message.role, content };
      case 'tool':
        return { role: 'tool', content, toolCallId: open.answer(message, index) };
      case 'assistant': {
        const toolCalls = readCalls(message, index);
        open.add(toolCalls);
        return {
          role: 'assistant',
          content,
          ...(message.thinking != null && message.thinking !== '' && { reasoning: message.thinking }),
          ...(toolCalls.length > 0 && { toolCalls }),
        };
      }
    }
  });
};
