import { textOf, type ContentPart, type InferenceEvent, type Message } from '@golek/providers-spi';
import { imageUrl } from '../image-url.ts';
import { assistantItems } from './assistant-items.ts';

/** What a conversation is on the wire. */
interface Conversation {
  /** The system message that begins it. */
  readonly instructions?: string;
  readonly input: readonly object[];
}

const isText = (content: readonly ContentPart[]): boolean => content.every(({ type }) => type === 'text');

/** Text alone is a string, which every service takes. */
const contentOf = (content: readonly ContentPart[]): unknown =>
  isText(content)
    ? textOf(content)
    : content.map((part) =>
        part.type === 'text'
          ? { type: 'input_text', text: part.text }
          : { type: 'input_image', image_url: imageUrl(part), detail: 'auto' },
      );

const itemsOf = (message: Message, warnings: Set<string>): object[] => {
  if ('name' in message && message.name !== undefined) {
    warnings.add('names of messages are not sent: the Responses API has none');
  }
  switch (message.role) {
    case 'assistant':
      return assistantItems(message, warnings);
    case 'tool':
      if (message.isError === true) {
        warnings.add('that a tool failed is told by its result alone: the Responses API has no mark for it');
      }
      return [{ type: 'function_call_output', call_id: message.toolCallId, output: contentOf(message.content) }];
    default:
      return [{ type: 'message', role: message.role, content: contentOf(message.content) }];
  }
};

/** Canonical → wire. What the API cannot say becomes warnings among the events, each once. */
export const conversationOf = (messages: readonly Message[], events: InferenceEvent[]): Conversation => {
  const warnings = new Set<string>();
  const [first, ...rest] = messages;
  // The input may not be empty.
  const isInstruction =
    first?.role === 'system' && first.name === undefined && isText(first.content) && rest.length > 0;
  const input = (isInstruction ? rest : messages).flatMap((message) => itemsOf(message, warnings));
  for (const message of warnings) events.push({ type: 'warning', message });
  return { ...(isInstruction && { instructions: textOf(first.content) }), input };
};
