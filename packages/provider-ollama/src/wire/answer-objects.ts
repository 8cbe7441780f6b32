import type { FinishReason, GenerateRequest, InferenceEvent, Usage } from '@golek/providers-spi';
import {
  answerJson,
  asList,
  asObject,
  asText,
  exactParser,
  malformedFailure,
  type AnswerReader,
  type FailureContext,
  type JsonObject,
} from '@golek/providers-spi/remote';
import { readLogprobs } from './read-logprobs.ts';
import { readUsage } from './read-usage.ts';

/** More calls in one answer are a fault. */
const MAX_TOOL_CALLS = 256;

const parseExactly = exactParser('tool_calls');

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  // Another Golek's.
  content_filter: 'content-filter',
};

/** Wire → canonical: reads the objects of an answer of /api/chat or /api/generate. The one that says `done` has the reason and the statistics. */
export class AnswerObjects implements AnswerReader {
  readonly #runId: string;
  readonly #context: FailureContext;
  readonly #wantsLogprobs: boolean;
  #calls = 0;
  #logprobs = false;
  #said = false;
  #done = false;
  #usage: Usage | undefined;

  constructor(request: GenerateRequest, runId: string, context: FailureContext) {
    this.#runId = runId;
    this.#context = context;
    this.#wantsLogprobs = request.logprobs !== undefined;
  }

  get complete(): boolean {
    return this.#done;
  }

  read(record: string, events: InferenceEvent[]): boolean {
    if (record.trim() === '') return false;
    this.readWhole(record, events);
    return this.#done;
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const object = asObject(answerJson(text, this.#context, parseExactly));
    const message = asObject(object?.['message']);
    if (!object || typeof object['done'] !== 'boolean')
      throw malformedFailure("JSON without 'done'", text, this.#context);
    const part = message ?? object;
    this.#readPart(part, message ? part['content'] : part['response'], object['logprobs'], text, events);
    if (object['done']) this.#finish(object, events);
  }

  end(events: InferenceEvent[]): void {
    if (!this.#done) throw malformedFailure("it ended before the object that says 'done'", '', this.#context);
    if (this.#wantsLogprobs && this.#said && !this.#logprobs) {
      events.push({ type: 'warning', message: 'the server gave no log-probabilities; it may be too old for them' });
    }
    if (this.#usage) events.push({ type: 'usage', usage: this.#usage });
  }

  #readPart(part: JsonObject, content: unknown, logprobs: unknown, text: string, events: InferenceEvent[]): void {
    const thinking = asText(part['thinking']);
    if (thinking !== undefined) events.push({ type: 'reasoning', choice: 0, text: thinking });
    const said = asText(content);
    const tokens = readLogprobs(logprobs);
    if (said !== undefined || tokens) {
      this.#said = true;
      this.#logprobs ||= tokens !== undefined;
      events.push({ type: 'text', choice: 0, text: said ?? '', ...(tokens && { logprobs: tokens }) });
    }
    for (const call of asList(part['tool_calls'])) this.#readCall(call, text, events);
  }

  /** A call comes whole. */
  #readCall(value: unknown, text: string, events: InferenceEvent[]): void {
    const call = asObject(value);
    const called = asObject(call?.['function']);
    const name = asText(called?.['name']);
    const index = this.#calls++;
    if (name === undefined || index >= MAX_TOOL_CALLS) {
      throw malformedFailure('a tool call without a name', text, this.#context);
    }
    const written = called?.['arguments'];
    if (written !== undefined && !asObject(written)) {
      throw malformedFailure('a tool call whose arguments are no object', text, this.#context);
    }
    // The conversation goes on by the id, which older servers do not give.
    const id = asText(call?.['id']) ?? `call_${this.#runId}_0_${index}`;
    events.push({ type: 'tool-call', choice: 0, index, id, name, arguments: JSON.stringify(written ?? {}) });
  }

  #finish(object: JsonObject, events: InferenceEvent[]): void {
    const told = asText(object['done_reason']) ?? 'stop';
    if (told === 'load' || told === 'unload') {
      throw malformedFailure(`an answer to an empty prompt ('${told}')`, '', this.#context);
    }
    const known = Object.hasOwn(REASONS, told) ? REASONS[told] : undefined;
    if (!known) events.push({ type: 'warning', message: `upstream ended the answer with '${told.slice(0, 64)}'` });
    for (const warning of asList(object['warnings'])) {
      const message = asText(warning);
      if (message !== undefined) events.push({ type: 'warning', message });
    }
    const reason = known ?? 'stop';
    events.push({ type: 'finish', choice: 0, reason: reason === 'stop' && this.#calls > 0 ? 'tool-calls' : reason });
    this.#usage = readUsage(object);
    this.#done = true;
  }
}
