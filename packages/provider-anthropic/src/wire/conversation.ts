import {
  GolekError,
  type ContentPart,
  type InferenceEvent,
  type Message,
  type ReasoningBlock,
  type ToolCall,
} from '@golek/providers-spi';
import { asObject, parseJson } from '@golek/providers-spi/remote';

interface WireMessage {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: object[];
}

/** What a conversation is on the wire. */
export interface Conversation {
  /** Blocks of the system prompt; none where there is none. */
  readonly system: readonly object[];
  readonly messages: readonly WireMessage[];
}

/** The service takes letters, digits, `_` and `-`; ids of other services go there and back with the conversation. */
const wireId = (id: string): string => id.replaceAll(/[^\w-]/g, '_');

/** Throws `unsupported` for an image where the API takes text only. */
const textBlocks = (content: readonly ContentPart[], role: string): object[] =>
  content.flatMap((part) => {
    if (part.type === 'image') {
      throw new GolekError('unsupported', `the Messages API takes no image in a message of the role '${role}'`, {
        details: { option: 'input.image' },
      });
    }
    // Empty blocks are refused.
    return part.text === '' ? [] : [{ type: 'text', text: part.text }];
  });

const blocks = (content: readonly ContentPart[]): object[] =>
  content.flatMap((part): object[] => {
    if (part.type === 'text') return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    const { source } = part;
    return [
      {
        type: 'image',
        source:
          source.kind === 'url'
            ? { type: 'url', url: source.url }
            : { type: 'base64', media_type: source.mediaType, data: source.data },
      },
    ];
  });

const reasoningBlock = (block: ReasoningBlock): object =>
  'redacted' in block
    ? { type: 'redacted_thinking', data: block.redacted }
    : { type: 'thinking', thinking: block.text, signature: block.signature };

/** Reads one conversation; what the API cannot say becomes warnings, each once. */
class ConversationWriter {
  readonly system: object[] = [];
  readonly messages: WireMessage[] = [];
  readonly warnings = new Set<string>();

  add(message: Message): void {
    if ('name' in message && message.name !== undefined) {
      this.warnings.add('names of messages are not sent: the Messages API has none');
    }
    switch (message.role) {
      case 'system': {
        const text = textBlocks(message.content, 'system');
        if (this.messages.length === 0) this.system.push(...text);
        else this.#push('system', text);
        return;
      }
      case 'user':
        return this.#push('user', blocks(message.content));
      case 'tool':
        return this.#push('user', [
          {
            type: 'tool_result',
            tool_use_id: wireId(message.toolCallId),
            content: blocks(message.content),
            ...(message.isError !== undefined && { is_error: message.isError }),
          },
        ]);
      case 'assistant':
        return this.#push('assistant', [
          ...this.#reasoning(message),
          ...textBlocks(message.content, 'assistant'),
          ...(message.toolCalls ?? []).map((call) => this.#call(call)),
        ]);
    }
  }

  #reasoning({ reasoning, reasoningBlocks }: Extract<Message, { role: 'assistant' }>): object[] {
    if (reasoning !== undefined && !reasoningBlocks) {
      this.warnings.add('reasoning of earlier turns is not sent: the service did not sign it');
    }
    return (reasoningBlocks ?? []).map(reasoningBlock);
  }

  #call({ id, name, arguments: text }: ToolCall): object {
    let input = asObject(text === '' ? {} : parseJson(text));
    if (!input) {
      this.warnings.add(`the arguments of a call of '${name}' are no JSON object: they are sent as INVALID_JSON`);
      input = { INVALID_JSON: text };
    }
    return { type: 'tool_use', id: wireId(id), name, input };
  }

  /** Turns of one role are one message: results of tools have to stand together. */
  #push(role: WireMessage['role'], content: object[]): void {
    const last = this.messages.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) this.messages.push({ role, content });
  }
}

/** Canonical → wire. Adds warnings to the events; throws `unsupported` for images that the API does not take. */
export const conversationOf = (messages: readonly Message[], events: InferenceEvent[]): Conversation => {
  const writer = new ConversationWriter();
  for (const message of messages) writer.add(message);
  for (const message of writer.warnings) events.push({ type: 'warning', message });
  return { system: writer.system, messages: writer.messages };
};
