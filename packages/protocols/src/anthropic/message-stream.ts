import { GolekError, type InferenceEvent, type Usage } from '@golek/api';
import { z } from 'zod';
import type { AnswerIdentity } from '../openai/chat-completion.ts';
import { checkFinished } from '../openai/finish-reason.ts';
import { sseWarning, type StreamEncoder } from '../openai/sse.ts';
import { BlockSequence, type BlockSink, type BlockStart } from './block-sequence.ts';
import { AnthropicErrorBody } from './error-body.ts';
import { AnswerMessage, messageText } from './message.ts';
import { StopReason, stopOf } from './stop-reason.ts';
import { MessageUsage, messageUsage } from './usage.ts';

const index = z.int();

/** What `data:` of a streamed answer carries; `event:` repeats its `type`. */
export const MessageStreamEvent = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('message_start'), message: AnswerMessage }),
    z.strictObject({
      type: z.literal('content_block_start'),
      index,
      content_block: AnswerMessage.shape.content.element,
    }),
    z.strictObject({
      type: z.literal('content_block_delta'),
      index,
      delta: z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text_delta'), text: z.string() }),
        z.strictObject({ type: z.literal('thinking_delta'), thinking: z.string() }),
        z.strictObject({ type: z.literal('signature_delta'), signature: z.string() }),
        z.strictObject({ type: z.literal('input_json_delta'), partial_json: z.string() }),
      ]),
    }),
    z.strictObject({ type: z.literal('content_block_stop'), index }),
    z.strictObject({
      type: z.literal('message_delta'),
      delta: z.strictObject({
        stop_reason: StopReason,
        stop_sequence: z.string().nullable(),
        stop_details: z.null(),
        container: z.null(),
      }),
      usage: MessageUsage,
    }),
    z.strictObject({ type: z.literal('message_stop') }),
    z.strictObject({ type: z.literal('ping') }),
    AnthropicErrorBody,
  ])
  .meta({ id: 'AnthropicStreamEvent' });

const sse = (type: string, rest: string): string => `event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`;

/** Keeps a silent connection alive; clients read over it. */
export const SSE_PING = sse('ping', '');

const startOf = (start: BlockStart): string => {
  switch (start.type) {
    case 'text':
      return '{"type":"text","text":"","citations":null}';
    case 'thinking':
      return '{"type":"thinking","thinking":"","signature":""}';
    case 'redacted_thinking':
      return JSON.stringify(start);
    case 'tool_use':
      return JSON.stringify({ ...start, input: {}, caller: { type: 'direct' } });
  }
};

/** Name of a delta and of its text, by the kind of the block. */
const DELTAS = {
  text: '"type":"text_delta","text":',
  thinking: '"type":"thinking_delta","thinking":',
  tool_use: '"type":"input_json_delta","partial_json":',
  redacted_thinking: '',
} as const;

/** Blocks as the text of server-sent events; constant parts of a block's deltas are made once. */
class BlockEvents implements BlockSink {
  #text = '';
  #index = -1;
  #type: BlockStart['type'] = 'text';
  #delta = '';

  open(start: BlockStart): void {
    this.#index++;
    this.#type = start.type;
    this.#delta = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},"delta":{`;
    this.#text += sse('content_block_start', `,"index":${this.#index},"content_block":${startOf(start)}`);
  }

  add(piece: string): void {
    this.#text += `${this.#delta}${DELTAS[this.#type]}${JSON.stringify(piece)}}}\n\n`;
  }

  close(signature: string): void {
    if (this.#type === 'thinking') {
      this.#text += `${this.#delta}"type":"signature_delta","signature":${JSON.stringify(signature)}}}\n\n`;
    }
    this.#text += sse('content_block_stop', `,"index":${this.#index}`);
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/**
 * Writes an answer as Anthropic's events. `message_start` goes out with the first part of the answer, so that a failure before it still gets a status; its token counts are
 * not known yet, those of `message_delta` are the answer's.
 */
export const messageStream = ({ id }: Pick<AnswerIdentity, 'id'>): StreamEncoder => {
  const events = new BlockEvents();
  const blocks = new BlockSequence(events);
  let model = '';
  let started = false;
  let finish: Extract<InferenceEvent, { type: 'finish' }> | undefined;
  let usage: Usage | undefined;

  const begin = (): string => {
    if (started) return '';
    started = true;
    return sse('message_start', `,"message":${messageText(id, model, [], undefined, undefined)}`);
  };

  return {
    encode: (event) => {
      switch (event.type) {
        case 'text':
        case 'reasoning':
        case 'tool-call': {
          blocks.add(event);
          const text = events.take();
          return text === '' ? '' : begin() + text;
        }
        case 'start':
          model = event.model;
          return '';
        case 'finish':
          finish = event;
          blocks.end();
          return begin() + events.take();
        case 'usage':
          usage = event.usage;
          return '';
        case 'warning':
          return sseWarning(event.message);
        case 'error':
          throw GolekError.fromData(event.error);
        default:
          return '';
      }
    },
    end: () => {
      checkFinished(finish ? 1 : 0, 1);
      const stop = finish && stopOf(finish.reason, finish.stop);
      const delta = { ...stop, stop_details: null, container: null };
      return (
        sse('message_delta', `,"delta":${JSON.stringify(delta)},"usage":${JSON.stringify(messageUsage(usage))}`) +
        sse('message_stop', '')
      );
    },
  };
};
