import type { ContentPart, Message } from '@golek/api';
import { readMediaFile, readMediaUrl } from '../media-url.ts';
import type { ConversationItem, InputPart } from './items.ts';
import { blockOf } from './reasoning-proof.ts';

type Turn = Extract<Message, { role: 'assistant' }>;
type Item<T extends ConversationItem['type']> = Extract<ConversationItem, { type: T }>;

const partOf = (part: InputPart): ContentPart => {
  if (part.type === 'input_text') return { type: 'text', text: part.text };
  return { type: 'image', source: part.file_id === null ? readMediaUrl(part.image_url) : readMediaFile(part.file_id) };
};

const toolMessage = ({ output, call_id: toolCallId }: Item<'function_call_output'>): Message => ({
  role: 'tool',
  content: typeof output === 'string' ? [{ type: 'text', text: output }] : output.map(partOf),
  toolCallId,
});

const addReasoning = (turn: Turn, { content, summary, encrypted_content: proof }: Item<'reasoning'>): void => {
  const text = (content.length > 0 ? content : summary).map((part) => part.text).join('');
  if (text !== '') turn.reasoning = (turn.reasoning ?? '') + text;
  const block = proof === undefined ? undefined : blockOf(proof, text);
  if (block) (turn.reasoningBlocks ??= []).push(block);
};

/**
 * The messages of a conversation. Reasoning, text and calls that follow each other are one turn of the assistant; a text behind another text begins a new one, as two
 * messages of a chat are two.
 */
export const conversationMessages = (items: readonly ConversationItem[]): Message[] => {
  const messages: Message[] = [];
  let turn: Turn | undefined;
  const assistant = (): Turn => {
    if (turn) return turn;
    turn = { role: 'assistant', content: [] };
    messages.push(turn);
    return turn;
  };
  for (const item of items) {
    switch (item.type) {
      case 'message': {
        if (item.role !== 'assistant') {
          turn = undefined;
          const role = item.role === 'user' ? 'user' : 'system';
          messages.push({ role, content: item.content.map(partOf) });
          break;
        }
        if (turn && turn.content.length > 0 && !turn.toolCalls) turn = undefined;
        const texts = item.content.map((part) => (part.type === 'refusal' ? part.refusal : part.text));
        assistant().content.push(...texts.map((text): ContentPart => ({ type: 'text', text })));
        break;
      }
      case 'reasoning':
        addReasoning(assistant(), item);
        break;
      case 'function_call':
        (assistant().toolCalls ??= []).push({ id: item.call_id, name: item.name, arguments: item.arguments });
        break;
      case 'function_call_output':
        turn = undefined;
        messages.push(toolMessage(item));
        break;
    }
  }
  return messages;
};
