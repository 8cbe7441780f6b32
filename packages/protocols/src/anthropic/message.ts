import { GolekError, type InferenceEvent, type Usage } from '@golek/api';
import { isObjectText } from '../json-object-text.ts';
import { z } from 'zod';
import type { AnswerIdentity } from '../openai/chat-completion.ts';
import { checkFinished } from '../openai/finish-reason.ts';
import { BlockSequence, type BlockSink, type BlockStart } from './block-sequence.ts';
import { StopReason, stopOf, type Stop } from './stop-reason.ts';
import { MessageUsage, messageUsage } from './usage.ts';

const AnswerBlock = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string(), citations: z.null() }),
  z.strictObject({
    type: z.literal('thinking'),
    thinking: z.string(),
    signature: z.string().describe('Empty where the engine signs nothing.'),
  }),
  z.strictObject({ type: z.literal('redacted_thinking'), data: z.string() }),
  z.strictObject({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
    caller: z.strictObject({ type: z.literal('direct') }),
  }),
]);

/** The unary answer of POST /v1/messages. `warnings` is an extension, present when there are any. */
export const AnswerMessage = z
  .strictObject({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(AnswerBlock),
    stop_reason: StopReason.nullable(),
    stop_sequence: z.string().nullable(),
    stop_details: z.null(),
    container: z.null(),
    diagnostics: z.null(),
    usage: MessageUsage,
    warnings: z.array(z.string()).exactOptional(),
  })
  .meta({ id: 'AnthropicMessage' });

/** A message around its content, as JSON text. */
export const messageText = (
  id: string,
  model: string,
  content: readonly string[],
  stop: Stop | undefined,
  usage: Usage | undefined,
  warnings: readonly string[] = [],
): string => {
  const { stop_reason = null, stop_sequence = null } = stop ?? {};
  const head = JSON.stringify({ id: `msg_${id}`, type: 'message', role: 'assistant', model });
  const tail = JSON.stringify({
    stop_reason,
    stop_sequence,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: messageUsage(usage),
    ...(warnings.length > 0 && { warnings }),
  });
  return `${head.slice(0, -1)},"content":[${content.join(',')}],${tail.slice(1)}`;
};

/** Gathers blocks as JSON texts; arguments stay as the model wrote them, so that no number is rounded. */
class BlockTexts implements BlockSink {
  readonly blocks: string[] = [];
  /** Names of the calls whose arguments are no object. */
  readonly broken: string[] = [];
  #start: BlockStart = { type: 'text' };
  #text = '';

  open(start: BlockStart): void {
    this.#start = start;
    this.#text = '';
  }

  add(piece: string): void {
    this.#text += piece;
  }

  close(signature: string): void {
    const start = this.#start;
    const text = this.#text;
    if (start.type === 'text') this.#push({ type: 'text', text, citations: null });
    else if (start.type === 'thinking') this.#push({ type: 'thinking', thinking: text, signature });
    else if (start.type === 'redacted_thinking') this.#push(start);
    else {
      const input = text === '' ? '{}' : text;
      if (!isObjectText(input)) this.broken.push(start.name);
      else
        this.blocks.push(
          `{"type":"tool_use","id":${JSON.stringify(start.id)},"name":${JSON.stringify(start.name)},"input":${input},"caller":{"type":"direct"}}`,
        );
    }
  }

  #push(block: object): void {
    this.blocks.push(JSON.stringify(block));
  }
}

/**
 * The whole answer as JSON text. Throws what the stream throws, and `provider_failed` for one that ends before the answer has, and for a call whose arguments are no JSON
 * object; a call that the limit of tokens has cut is left out, with a warning.
 */
export const readMessage = async (
  events: AsyncIterable<InferenceEvent>,
  { id }: Pick<AnswerIdentity, 'id'>,
): Promise<string> => {
  const texts = new BlockTexts();
  const blocks = new BlockSequence(texts);
  const warnings: string[] = [];
  let model = '';
  let usage: Usage | undefined;
  let finish: Extract<InferenceEvent, { type: 'finish' }> | undefined;
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        model = event.model;
        break;
      case 'text':
      case 'reasoning':
      case 'tool-call':
        blocks.add(event);
        break;
      case 'finish':
        finish = event;
        break;
      case 'usage':
        usage = event.usage;
        break;
      case 'warning':
        warnings.push(event.message);
        break;
      case 'error':
        throw GolekError.fromData(event.error);
      default:
    }
  }
  checkFinished(finish ? 1 : 0, 1);
  blocks.end();
  for (const name of texts.broken) {
    if (finish?.reason !== 'length') {
      throw new GolekError(
        'provider_failed',
        `the model called the tool '${name}' with arguments that are no JSON object`,
      );
    }
    warnings.push(`the call of the tool '${name}' is left out: the limit of tokens cut its arguments`);
  }
  return messageText(id, model, texts.blocks, finish && stopOf(finish.reason, finish.stop), usage, warnings);
};
