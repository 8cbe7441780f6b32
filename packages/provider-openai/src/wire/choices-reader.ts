import type { InferenceEvent, Usage } from '@golek/providers-spi';
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
import { readFinish } from './finish-reason.ts';
import { readContent, readThinking } from './read-content.ts';
import { readLogprobs } from './read-logprobs.ts';
import { readUsage } from './read-usage.ts';

/** More calls in one answer are a fault: an index is a place in a list. */
const MAX_TOOL_CALLS = 256;

/** What was seen of one choice. */
interface ChoiceState {
  readonly tools: Set<number>;
  finished: boolean;
}

/**
 * Wire → canonical: reads the chunks of a streamed answer, or the one object of a whole one, which has the same parts under `message` instead
 * of `delta`. Tolerant of what vendors add and leave out; strict where an answer could be lost or made up.
 */
export class ChoicesReader implements AnswerReader {
  readonly #runId: string;
  readonly #context: FailureContext;
  readonly #choices: readonly ChoiceState[];
  #unfinished: number;
  #usage: Usage | undefined;

  constructor(choices: number, runId: string, context: FailureContext) {
    this.#runId = runId;
    this.#context = context;
    this.#choices = Array.from({ length: choices }, () => ({ tools: new Set<number>(), finished: false }));
    this.#unfinished = choices;
  }

  /** True when every choice has its finish reason. */
  get complete(): boolean {
    return this.#unfinished === 0;
  }

  read(record: string, events: InferenceEvent[]): boolean {
    if (record === '[DONE]') return true;
    this.readWhole(record, events);
    return false;
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const chunk = asObject(answerJson(text, this.#context));
    const choices = chunk?.['choices'];
    if (!chunk || (!Array.isArray(choices) && !asObject(chunk['usage']))) {
      throw malformedFailure("JSON without 'choices'", text, this.#context);
    }
    for (const choice of asList(choices)) this.#readChoice(choice, text, events);
    const groq = asObject(chunk['x_groq']);
    const failed = asText(groq?.['error']);
    if (failed !== undefined) throw reportedFailure({ message: failed }, this.#context);
    const usage = readUsage(chunk['usage']) ?? readUsage(groq?.['usage']);
    if (usage) this.#usage = usage;
  }

  end(events: InferenceEvent[]): void {
    if (this.#unfinished > 0) {
      const choices = this.#choices.length;
      const problem = `it ended after ${choices - this.#unfinished} of ${choices} finish reasons`;
      throw malformedFailure(problem, '', this.#context);
    }
    if (this.#usage) events.push({ type: 'usage', usage: this.#usage });
  }

  #readChoice(value: unknown, text: string, events: InferenceEvent[]): void {
    const object = asObject(value);
    const index = object?.['index'] === undefined ? 0 : asCount(object['index']);
    const state = index === undefined ? undefined : this.#choices[index];
    if (!object || index === undefined || !state) {
      throw malformedFailure(`a choice that was not asked for (${this.#choices.length} were)`, text, this.#context);
    }
    // Some services say the end twice.
    if (state.finished) return;
    this.#readDelta(index, state, object, text, events);
    const finish = asText(object['finish_reason']);
    if (finish !== undefined) this.#finish(index, state, finish, object, events);
  }

  #readDelta(choice: number, state: ChoiceState, object: JsonObject, text: string, events: InferenceEvent[]): void {
    const delta = asObject(object['delta']) ?? asObject(object['message']);
    const reasoning =
      asText(delta?.['reasoning_content']) ?? asText(delta?.['reasoning']) ?? readThinking(delta?.['content']);
    if (reasoning !== undefined) events.push({ type: 'reasoning', choice, text: reasoning });
    // A refusal is what the model says instead of the content.
    const said = delta ? (readContent(delta['content']) ?? asText(delta['refusal'])) : asText(object['text']);
    const logprobs = readLogprobs(object['logprobs']);
    if (said !== undefined || logprobs) {
      events.push({ type: 'text', choice, text: said ?? '', ...(logprobs && { logprobs }) });
    }
    for (const [position, call] of asList(delta?.['tool_calls']).entries()) {
      this.#readToolCall(choice, state, call, position, text, events);
    }
  }

  #readToolCall(
    choice: number,
    state: ChoiceState,
    value: unknown,
    position: number,
    text: string,
    events: InferenceEvent[],
  ): void {
    const call = asObject(value);
    const called = asObject(call?.['function']);
    const index = asCount(call?.['index']) ?? position;
    const name = asText(called?.['name']);
    const isNew = !state.tools.has(index);
    if (!call || index >= MAX_TOOL_CALLS || (isNew && name === undefined)) {
      throw malformedFailure('a tool call without a name', text, this.#context);
    }
    const written = called?.['arguments'];
    // Most send JSON text; some send the object.
    const piece = typeof written === 'string' ? written : asObject(written) ? JSON.stringify(written) : '';
    if (!isNew) {
      if (piece !== '') events.push({ type: 'tool-call', choice, index, arguments: piece });
      return;
    }
    state.tools.add(index);
    // The conversation goes on by the id, so a call that came without one gets one.
    const id = asText(call['id']) ?? `call_${this.#runId}_${choice}_${index}`;
    events.push({ type: 'tool-call', choice, index, id, ...(name !== undefined && { name }), arguments: piece });
  }

  #finish(choice: number, state: ChoiceState, text: string, object: JsonObject, events: InferenceEvent[]): void {
    const read = readFinish(text);
    if ('failed' in read) {
      throw reportedFailure({ message: `the answer ended with the finish reason '${read.failed}'` }, this.#context);
    }
    if ('unknown' in read) {
      events.push({ type: 'warning', message: `upstream ended the answer with '${read.unknown.slice(0, 64)}'` });
    }
    const told = 'reason' in read ? read.reason : 'stop';
    state.finished = true;
    this.#unfinished--;
    // vLLM names the stop string that ended the answer.
    const stop = asText(object['stop_reason']);
    // A named tool ends with `stop` at OpenAI, any tool at some others.
    const reason = told === 'stop' && state.tools.size > 0 ? 'tool-calls' : told;
    events.push({ type: 'finish', choice, reason, ...(reason === 'stop' && stop !== undefined && { stop }) });
  }
}
