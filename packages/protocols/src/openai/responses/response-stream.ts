import type { GolekError } from '@golek/api';
import { errorBody } from '../error-body.ts';
import { sseWarning, type StreamEncoder } from '../sse.ts';
import type { WireParams } from '../wire-params.ts';
import type { OutputItem, OutputPart } from './items.ts';
import type { OutputSink } from './output-sequence.ts';
import { ResponseDraft, type DraftedCall, type ResponseIdentity } from './response-draft.ts';
import type { ResponseObject } from './response-object.ts';
import type { z } from 'zod';

type Part = z.infer<typeof OutputPart>;

/** Names of an item's deltas and of what ends them. */
const NAMES = {
  message: { delta: 'response.output_text.delta', done: 'response.output_text.done' },
  reasoning: { delta: 'response.reasoning_text.delta', done: 'response.reasoning_text.done' },
  function_call: { delta: 'response.function_call_arguments.delta', done: 'response.function_call_arguments.done' },
} as const;

/** The one part of a message or of reasoning. */
const partOf = (item: OutputItem): Part | undefined => {
  if (item.type === 'function_call') return undefined;
  const [part] = item.content;
  return part?.type === 'refusal' ? undefined : part;
};

const empty = (item: OutputItem): OutputItem =>
  item.type === 'function_call' ? { ...item, arguments: '' } : { ...item, content: [] };

const emptyPart = (part: Part): Part =>
  part.type === 'output_text' ? { ...part, text: '', logprobs: [] } : { ...part, text: '' };

/** Items as the text of server-sent events; constant parts of an item's deltas are made once. */
class OutputEvents implements OutputSink {
  shown: (item: OutputItem) => OutputItem = (item) => item;
  #text = '';
  #sequence = 0;
  /** By index of the item: what stands before and behind the number of a delta, and whether it has log-probabilities. */
  readonly #deltas: { readonly head: string; readonly place: string; readonly isText: boolean }[] = [];

  /** One event; `fields`: JSON text of the fields behind its number. */
  event(type: string, fields: string): void {
    this.#text += `event: ${type}\ndata: {"type":"${type}","sequence_number":${this.#sequence++},${fields}}\n\n`;
  }

  lifecycle(type: string, response: ResponseObject): void {
    this.event(type, `"response":${JSON.stringify(response)}`);
  }

  added(index: number, item: OutputItem): void {
    const { type } = item;
    const { delta } = NAMES[type];
    const place = this.#place(index, item);
    this.#deltas[index] = {
      head: `event: ${delta}\ndata: {"type":"${delta}","sequence_number":`,
      place: `,${place},"delta":`,
      isText: type === 'message',
    };
    this.event('response.output_item.added', `"output_index":${index},"item":${JSON.stringify(empty(item))}`);
    const part = partOf(item);
    if (part) this.event('response.content_part.added', `${place},"part":${JSON.stringify(emptyPart(part))}`);
  }

  delta(index: number, piece: string, logprobs: readonly object[]): void {
    const { head = '', place = '', isText = false } = this.#deltas[index] ?? {};
    const probabilities = logprobs.length > 0 ? JSON.stringify(logprobs) : '[]';
    const tail = isText ? `,"logprobs":${probabilities}}\n\n` : '}\n\n';
    this.#text += `${head}${this.#sequence++}${place}${JSON.stringify(piece)}${tail}`;
  }

  done(index: number, item: OutputItem): void {
    const { done } = NAMES[item.type];
    const place = this.#place(index, item);
    const part = partOf(item);
    if (item.type === 'function_call') {
      this.event(done, `${place},"arguments":${JSON.stringify(item.arguments)}`);
    } else if (part) {
      const logprobs = part.type === 'output_text' ? `,"logprobs":${JSON.stringify(part.logprobs)}` : '';
      this.event(done, `${place},"text":${JSON.stringify(part.text)}${logprobs}`);
      this.event('response.content_part.done', `${place},"part":${JSON.stringify(part)}`);
    }
    this.event('response.output_item.done', `"output_index":${index},"item":${JSON.stringify(this.shown(item))}`);
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #place(index: number, { id, type }: OutputItem): string {
    const content = type === 'function_call' ? '' : ',"content_index":0';
    return `"item_id":${JSON.stringify(id)},"output_index":${index}${content}`;
  }
}

/** What a stream does beside its events. */
export interface ResponseStreamHooks {
  /** Hears of the complete response before its last event, and gives the one to be sent. */
  readonly finished: (response: ResponseObject, draft: ResponseDraft) => ResponseObject;
  /** Hears of a response that failed after its stream had begun. */
  readonly failed: (response: ResponseObject, draft: ResponseDraft) => void;
}

export interface ResponseEncoder extends StreamEncoder {
  /** The response that is streamed. */
  readonly draft: ResponseDraft;
  /** The last events of a stream that fails after it has begun. */
  fail(error: GolekError, params: WireParams): string;
}

/**
 * Writes an answer as events of the Responses API. `response.created` goes out with the first part of the answer, so that a failure before it still gets a status. A
 * failure is told twice: by `response.failed`, which has the response, and by `error`, at which clients throw.
 */
export const responseStream = (
  identity: ResponseIdentity,
  call: DraftedCall,
  { finished, failed }: ResponseStreamHooks,
): ResponseEncoder => {
  const body = new OutputEvents();
  // Nothing of an item comes before `added`, so what begins the stream stands in front of all items.
  const draft = new ResponseDraft(identity, call, {
    added: (index, item) => {
      begin();
      body.added(index, item);
    },
    delta: (index, piece, logprobs) => body.delta(index, piece, logprobs),
    done: (index, item) => body.done(index, item),
  });
  body.shown = (item) => draft.shown(item);
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    const response: ResponseObject = { ...draft.snapshot('in_progress'), output: [] };
    body.lifecycle('response.created', response);
    body.lifecycle('response.in_progress', response);
  };
  return {
    draft,
    encode: (event) => {
      if (event.type === 'warning') {
        draft.take(event);
        return sseWarning(event.message);
      }
      draft.take(event);
      if (event.type === 'finish') begin();
      return body.take();
    },
    end: () => {
      const response = finished(draft.finish(), draft);
      begin();
      body.lifecycle(`response.${response.status}`, response);
      return body.take();
    },
    fail: (error, params) => {
      begin();
      const response = error.code === 'cancelled' ? draft.cancel() : draft.fail(error);
      failed(response, draft);
      body.lifecycle('response.failed', response);
      const { message, param } = errorBody(error, params).error;
      body.event('error', JSON.stringify({ code: error.code, message, param }).slice(1, -1));
      return body.take();
    },
  };
};
