import type { FinishReason, InferenceEvent, Usage } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asList,
  asObject,
  asText,
  malformedFailure,
  reportedFailure,
  type AnswerReader,
  type FailureContext,
  type JsonObject,
} from '@golek/providers-spi/remote';
import { itemKey, ItemReader } from './item-reader.ts';
import { responseUsage } from './response-usage.ts';

/** Ends of answers that are not complete, by the reason that the service tells. */
const INCOMPLETE: Readonly<Record<string, FinishReason>> = {
  max_output_tokens: 'length',
  content_filter: 'content-filter',
};

/**
 * Wire → canonical: reads the events of a streamed response, or a whole response. Tolerant of events and items that are new, of which items are told as warnings; strict where
 * a part of an answer could be lost or made up.
 */
export class ResponseReader implements AnswerReader {
  readonly #context: FailureContext;
  readonly #items: ItemReader;
  #finished = false;
  #usage: Usage | undefined;

  constructor(runId: string, context: FailureContext) {
    this.#context = context;
    this.#items = new ItemReader(runId, context);
  }

  get complete(): boolean {
    return this.#finished;
  }

  read(record: string, events: InferenceEvent[]): boolean {
    if (record === '[DONE]') return true;
    const event = asObject(answerJson(record, this.#context));
    const type = asText(event?.['type']);
    if (!event || type === undefined) throw malformedFailure("an event without 'type'", record, this.#context);
    switch (type) {
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#end(type, asObject(event['response']), record, events);
        return true;
      case 'error':
        throw reportedFailure({ code: event['code'], message: event['message'] }, this.#context);
      default:
        this.#readPiece(type, event, record, events);
        return false;
    }
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const response = asObject(answerJson(text, this.#context));
    if (!response || !Array.isArray(response['output'])) {
      throw malformedFailure("JSON without 'output'", text, this.#context);
    }
    const status = asText(response['status']) ?? 'completed';
    this.#end(`response.${status}`, response, text, events);
  }

  end(events: InferenceEvent[]): void {
    if (!this.#finished) throw malformedFailure("it ended without 'response.completed'", '', this.#context);
    if (this.#usage) events.push({ type: 'usage', usage: this.#usage });
  }

  #readPiece(type: string, event: JsonObject, record: string, events: InferenceEvent[]): void {
    const items = this.#items;
    const key = itemKey(event);
    switch (type) {
      case 'response.output_item.added':
        return items.begin(key, event['item'], record, events);
      case 'response.output_item.done':
        return items.whole(key, event['item'], record, events);
      case 'response.output_text.delta':
        return items.text(key, event['delta'], event['logprobs'], events);
      case 'response.refusal.delta':
        return items.text(key, event['delta'], undefined, events);
      case 'response.reasoning_text.delta':
        return items.reasoning(key, 'content', event['delta'], 0, events);
      case 'response.reasoning_summary_text.delta':
        return items.reasoning(key, 'summary', event['delta'], asCount(event['summary_index']) ?? 0, events);
      case 'response.function_call_arguments.delta':
        return items.args(key, event['delta'], record, events);
      case 'response.function_call_arguments.done':
        return items.allArgs(key, event['arguments'], record, events);
      default:
      // What else there is repeats this, or is new: clients are told to go past it.
    }
  }

  /** `type`: of the event that ends the stream, or what the status of a whole response would be there. */
  #end(type: string, response: JsonObject | undefined, record: string, events: InferenceEvent[]): void {
    if (!response) throw malformedFailure("an event without 'response'", record, this.#context);
    const status = asText(response['status']);
    if (type === 'response.failed' || status === 'failed' || status === 'cancelled') {
      throw reportedFailure(asObject(response['error']) ?? { message: 'the response failed' }, this.#context);
    }
    if (type !== 'response.completed' && type !== 'response.incomplete') {
      throw malformedFailure(`a response that is '${status?.slice(0, 64) ?? ''}'`, '', this.#context);
    }
    if (this.#items.empty) {
      for (const [index, item] of asList(response['output']).entries()) this.#items.whole(index, item, record, events);
    }
    this.#usage = responseUsage(response['usage']);
    this.#finished = true;
    // vLLM ends each stream with `response.completed`; the status says how.
    const cut = type === 'response.incomplete' || status === 'incomplete';
    const reason = cut ? this.#cutBy(response, events) : this.#items.calls > 0 ? 'tool-calls' : 'stop';
    events.push({ type: 'finish', choice: 0, reason });
  }

  #cutBy(response: JsonObject, events: InferenceEvent[]): FinishReason {
    const told = asText(asObject(response['incomplete_details'])?.['reason']) ?? '';
    const reason = Object.hasOwn(INCOMPLETE, told) ? INCOMPLETE[told] : undefined;
    if (reason) return reason;
    events.push({ type: 'warning', message: `upstream left the answer incomplete by '${told.slice(0, 64)}'` });
    return 'length';
  }
}
