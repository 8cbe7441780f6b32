import { GolekError, type ContentPart, type InferenceEvent, type Message } from '@golek/providers-spi';
import { mediaPart } from './media-part.ts';
import { modelParts } from './model-turn.ts';

interface Content {
  readonly role: 'user' | 'model';
  readonly parts: object[];
}

/** What a conversation is on the wire. */
export interface Conversation {
  readonly systemInstruction?: { readonly parts: readonly object[] };
  readonly contents: readonly Content[];
}

const textsOf = (content: readonly ContentPart[]): string[] =>
  // Parts without text are refused.
  content.flatMap((part) => (part.type === 'text' && part.text !== '' ? [part.text] : []));

const textParts = (content: readonly ContentPart[]): object[] => textsOf(content).map((text) => ({ text }));

const mediaParts = (content: readonly ContentPart[]): object[] =>
  content.flatMap((part) => (part.type === 'image' ? [mediaPart(part)] : []));

/** In their order. */
const userParts = (content: readonly ContentPart[]): object[] =>
  content.flatMap((part) => (part.type === 'image' ? [mediaPart(part)] : textParts([part])));

/** Throws `unsupported` for an image where the API takes text only. */
const textOnly = ({ role, content }: Message): object[] => {
  if (content.some(({ type }) => type === 'image')) {
    throw new GolekError('unsupported', `the Gemini API takes no image in a message of the role '${role}'`, {
      details: { option: 'input.image' },
    });
  }
  return textParts(content);
};

/** Reads one conversation; what the API cannot say becomes warnings, each once. */
class ConversationWriter {
  readonly #mark: boolean;
  readonly system: object[] = [];
  readonly contents: Content[] = [];
  readonly warnings = new Set<string>();
  /** Names of the tools by the ids of their calls. */
  readonly #tools = new Map<string, string>();
  /** Where the results of the last turn's calls stand: the service wants them together. */
  #results: object[] | undefined;

  constructor(mark: boolean) {
    this.#mark = mark;
  }

  add(message: Message): void {
    if ('name' in message && message.name !== undefined) {
      this.warnings.add('names of messages are not sent: the Gemini API has none');
    }
    if (message.role === 'tool') return this.#addResult(message);
    this.#results = undefined;
    switch (message.role) {
      case 'system':
        if (this.contents.length === 0) {
          this.system.push(...textOnly(message));
          return;
        }
        this.warnings.add("system messages after the first turn are sent as the user's: the Gemini API has one place");
        return this.#push('user', textOnly(message));
      case 'user':
        return this.#push('user', userParts(message.content));
      case 'assistant':
        for (const { id, name } of message.toolCalls ?? []) this.#tools.set(id, name);
        return this.#push('model', modelParts(message, textOnly(message), this.#mark, this.warnings));
    }
  }

  #addResult({ toolCallId: id, content, isError = false }: Extract<Message, { role: 'tool' }>): void {
    const name = this.#tools.get(id);
    if (name === undefined) {
      this.warnings.add(`the result of '${id}' belongs to no call before it: the id is sent as the tool's name`);
    }
    const text = textsOf(content).join('');
    const parts = mediaParts(content);
    const functionResponse = {
      id,
      name: name ?? id,
      response: isError ? { error: text } : { output: text },
      ...(parts.length > 0 && { parts }),
    };
    if (this.#results) this.#results.push({ functionResponse });
    else {
      this.#results = [{ functionResponse }];
      this.#push('user', this.#results);
    }
  }

  #push(role: Content['role'], parts: object[]): void {
    if (parts.length > 0) this.contents.push({ role, parts });
  }
}

/** Canonical → wire; `mark` as of `modelParts`. Adds warnings to the events; throws `unsupported` for images that the API does not take. */
export const conversationOf = (messages: readonly Message[], mark: boolean, events: InferenceEvent[]): Conversation => {
  const writer = new ConversationWriter(mark);
  for (const message of messages) writer.add(message);
  for (const message of writer.warnings) events.push({ type: 'warning', message });
  return {
    ...(writer.system.length > 0 && { systemInstruction: { parts: writer.system } }),
    contents: writer.contents,
  };
};
