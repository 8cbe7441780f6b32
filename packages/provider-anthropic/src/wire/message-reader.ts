import type { InferenceEvent } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asList,
  asObject,
  asText,
  exactParser,
  malformedFailure,
  type AnswerReader,
  type FailureContext,
  type JsonObject,
} from '@golek/providers-spi/remote';
import { MessageUsage } from './message-usage.ts';
import { readStop } from './stop-reason.ts';

/** More blocks in one answer are a fault. */
const MAX_BLOCKS = 4096;

const parseExactly = exactParser('tool_use');

const NO_CITATIONS = 'citations are left out of the answer';

/** What is open of a block. */
interface Block {
  readonly type: string;
  /** Index of a call among the calls. */
  readonly call: number;
  signature: string;
}

/**
 * Wire → canonical: reads the events of a streamed message, or a whole message. Tolerant of events and blocks that are new, which are told as warnings; strict where a part of an
 * answer could be lost or made up.
 */
export class MessageReader implements AnswerReader {
  readonly #runId: string;
  readonly #context: FailureContext;
  readonly #usage = new MessageUsage();
  readonly #blocks = new Map<number, Block>();
  readonly #warned = new Set<string>();
  #calls = 0;
  #finished = false;

  constructor(runId: string, context: FailureContext) {
    this.#runId = runId;
    this.#context = context;
  }

  get complete(): boolean {
    return this.#finished;
  }

  read(record: string, events: InferenceEvent[]): boolean {
    const event = this.#object(record);
    switch (event['type']) {
      case 'message_start':
        this.#usage.read(asObject(event['message'])?.['usage']);
        break;
      case 'content_block_start':
        this.#openBlock(this.#indexOf(event, record), event['content_block'], record, events);
        break;
      case 'content_block_delta':
        this.#addDelta(this.#indexOf(event, record), event['delta'], record, events);
        break;
      case 'content_block_stop':
        this.#closeBlock(this.#indexOf(event, record), events);
        break;
      case 'message_delta':
        this.#usage.read(event['usage']);
        this.#finish(asObject(event['delta']), events);
        break;
      case 'message_stop':
        return true;
      default:
        // Pings, and events that there are not yet.
        if (asText(event['type']) === undefined)
          throw malformedFailure("an event without 'type'", record, this.#context);
    }
    return false;
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const message = asObject(answerJson(text, this.#context, parseExactly));
    const content = message?.['content'];
    if (!message || !Array.isArray(content)) throw malformedFailure("JSON without 'content'", text, this.#context);
    for (const [index, block] of asList(content).entries()) {
      this.#openBlock(index, block, text, events);
      this.#closeBlock(index, events);
    }
    this.#usage.read(message['usage']);
    this.#finish(message, events);
  }

  end(events: InferenceEvent[]): void {
    if (!this.#finished) throw malformedFailure('it ended without a stop reason', '', this.#context);
    const { usage } = this.#usage;
    if (usage) events.push({ type: 'usage', usage });
  }

  #object(text: string): JsonObject {
    const object = asObject(answerJson(text, this.#context));
    if (!object) throw malformedFailure("an event without 'type'", text, this.#context);
    return object;
  }

  #indexOf(event: JsonObject, text: string): number {
    const index = asCount(event['index']);
    if (index === undefined || index >= MAX_BLOCKS)
      throw malformedFailure('a block without an index', text, this.#context);
    return index;
  }

  #openBlock(index: number, value: unknown, text: string, events: InferenceEvent[]): void {
    const block = asObject(value);
    const type = asText(block?.['type']);
    if (!block || type === undefined) throw malformedFailure("a block without 'type'", text, this.#context);
    const open: Block = { type, call: type === 'tool_use' ? this.#calls++ : -1, signature: '' };
    this.#blocks.set(index, open);
    switch (type) {
      case 'text':
        this.#text(block['text'], events);
        if (asList(block['citations']).length > 0) this.#warn(NO_CITATIONS, events);
        return;
      case 'thinking':
        this.#reasoning(block['thinking'], events);
        open.signature = asText(block['signature']) ?? '';
        return;
      case 'redacted_thinking': {
        const redacted = asText(block['data']);
        if (redacted === undefined) throw malformedFailure("a 'redacted_thinking' without 'data'", text, this.#context);
        events.push({ type: 'reasoning', choice: 0, text: '', redacted });
        return;
      }
      case 'tool_use':
        return this.#call(open, block, text, events);
      default:
        this.#warn(`blocks of the type '${type.slice(0, 64)}' are left out of the answer`, events);
    }
  }

  #call({ call: index }: Block, block: JsonObject, text: string, events: InferenceEvent[]): void {
    const name = asText(block['name']);
    if (name === undefined) throw malformedFailure('a tool call without a name', text, this.#context);
    // A stream begins with an empty object and sends the text of the real one in pieces.
    const input = asObject(block['input']);
    events.push({
      type: 'tool-call',
      choice: 0,
      index,
      // The conversation goes on by the id, so a call that came without one gets one.
      id: asText(block['id']) ?? `toolu_${this.#runId}_${index}`,
      name,
      arguments: input && Object.keys(input).length > 0 ? JSON.stringify(input) : '',
    });
  }

  #addDelta(index: number, value: unknown, text: string, events: InferenceEvent[]): void {
    const delta = asObject(value);
    const block = this.#blocks.get(index);
    if (!delta || !block) throw malformedFailure('a piece of a block that was not begun', text, this.#context);
    switch (delta['type']) {
      case 'text_delta':
        return this.#text(delta['text'], events);
      case 'thinking_delta':
        return this.#reasoning(delta['thinking'], events);
      case 'signature_delta':
        block.signature += asText(delta['signature']) ?? '';
        return;
      case 'input_json_delta': {
        const piece = asText(delta['partial_json']);
        if (piece === undefined || block.call < 0) return;
        events.push({ type: 'tool-call', choice: 0, index: block.call, arguments: piece });
        return;
      }
      case 'citations_delta':
        return this.#warn(NO_CITATIONS, events);
      default:
        this.#warn(`pieces of the type '${String(delta['type']).slice(0, 64)}' are left out of the answer`, events);
    }
  }

  #closeBlock(index: number, events: InferenceEvent[]): void {
    const block = this.#blocks.get(index);
    this.#blocks.delete(index);
    if (block?.type !== 'thinking' || block.signature === '') return;
    events.push({ type: 'reasoning', choice: 0, text: '', signature: block.signature });
  }

  #text(value: unknown, events: InferenceEvent[]): void {
    const text = asText(value);
    if (text !== undefined) events.push({ type: 'text', choice: 0, text });
  }

  #reasoning(value: unknown, events: InferenceEvent[]): void {
    const text = asText(value);
    if (text !== undefined) events.push({ type: 'reasoning', choice: 0, text });
  }

  #finish(message: JsonObject | undefined, events: InferenceEvent[]): void {
    const told = asText(message?.['stop_reason']);
    if (told === undefined || this.#finished) return;
    this.#finished = true;
    const { reason, warning } = readStop(told);
    if (warning !== undefined) this.#warn(warning, events);
    const stop = asText(message?.['stop_sequence']);
    events.push({ type: 'finish', choice: 0, reason, ...(told === 'stop_sequence' && stop !== undefined && { stop }) });
  }

  #warn(message: string, events: InferenceEvent[]): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    events.push({ type: 'warning', message });
  }
}
