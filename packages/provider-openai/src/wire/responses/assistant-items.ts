import { textOf, type Message, type ReasoningBlock, type ToolCall } from '@golek/providers-spi';
import { readProof, type ReasoningProof } from './reasoning-proof.ts';

type Turn = Extract<Message, { role: 'assistant' }>;

/** A piece of reasoning of this API, ready to go back. */
interface OwnReasoning {
  readonly place: number;
  readonly item: object;
}

const reasoningItem = (text: string, { kind, id, encrypted }: ReasoningProof): object => ({
  type: 'reasoning',
  ...(id !== '' && { id }),
  summary: kind === 'summary' && text !== '' ? [{ type: 'summary_text', text }] : [],
  ...(kind === 'content' && text !== '' && { content: [{ type: 'reasoning_text', text }] }),
  encrypted_content: encrypted,
});

const ownReasoning = (blocks: readonly ReasoningBlock[], warnings: Set<string>): OwnReasoning[] =>
  blocks.flatMap((block) => {
    const proof = 'signature' in block ? readProof(block.signature) : undefined;
    if (proof && 'text' in block) return [{ place: proof.place, item: reasoningItem(block.text, proof) }];
    warnings.add('reasoning of earlier turns is not sent where another service signed it');
    return [];
  });

const callItem = ({ id, name, arguments: text }: ToolCall): object => ({
  type: 'function_call',
  call_id: id,
  name,
  arguments: text,
});

/** A turn of the assistant: text and calls, each piece of reasoning before what it stood before. Adds warnings. */
export const assistantItems = (message: Turn, warnings: Set<string>): object[] => {
  const { content, reasoning, reasoningBlocks, toolCalls = [] } = message;
  if (reasoning !== undefined && !reasoningBlocks) {
    warnings.add('reasoning of earlier turns is not sent: the service did not sign it');
  }
  const text = textOf(content);
  const said = text === '' ? [] : [{ type: 'message', role: 'assistant', content: text }];
  const items: object[] = [...said, ...toolCalls.map(callItem)];
  // Reasoning behind the last item would lead to nothing, which services refuse.
  const last = Math.max(0, items.length - 1);
  const own = ownReasoning(reasoningBlocks ?? [], warnings);
  const before = (index: number): object[] =>
    own.filter(({ place }) => Math.min(place, last) === index).map(({ item }) => item);
  return items.length === 0 ? before(0) : items.flatMap((item, index) => [...before(index), item]);
};
