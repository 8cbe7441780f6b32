import type { InferenceEvent, Usage } from '@golek/providers-spi';
import {
  answerJson,
  asCount,
  asList,
  asObject,
  asText,
  errorObjectOf,
  exactParser,
  malformedFailure,
  reportedFailure,
  type AnswerReader,
  type FailureContext,
  type JsonObject,
} from '@golek/providers-spi/remote';
import { readFinish } from './finish-reason.ts';
import { PartReader } from './part-reader.ts';
import { readLogprobs } from './read-logprobs.ts';
import { readUsage } from './read-usage.ts';

/** What tells that an object is a chunk of an answer. */
const CHUNK_FIELDS = ['candidates', 'promptFeedback', 'usageMetadata', 'modelVersion', 'responseId'];

/** Parts of a candidate that the canonical answer has no place for. */
const LEFT_OUT = ['citationMetadata', 'groundingMetadata', 'urlContextMetadata'];

const parseExactly = exactParser('functionCall');

/** What was seen of one choice. */
interface ChoiceState {
  readonly parts: PartReader;
  finished: boolean;
}

/**
 * Wire → canonical: reads the chunks of a streamed answer, or a whole one, which has the same form. Tolerant of parts that are new, which are told as warnings;
 * strict where a part of an answer could be lost or made up.
 */
export class CandidatesReader implements AnswerReader {
  readonly #context: FailureContext;
  readonly #choices: readonly ChoiceState[];
  readonly #warned = new Set<string>();
  #unfinished: number;
  #usage: Usage | undefined;

  constructor(choices: number, runId: string, context: FailureContext) {
    this.#context = context;
    this.#choices = Array.from({ length: choices }, (_, index) => ({
      parts: new PartReader(index, runId),
      finished: false,
    }));
    this.#unfinished = choices;
  }

  get complete(): boolean {
    return this.#unfinished === 0;
  }

  /** The stream has no mark of its end: it ends with the connection's answer. */
  read(record: string, events: InferenceEvent[]): boolean {
    this.#readChunk(answerJson(record, this.#context, parseExactly), record, events);
    return false;
  }

  readWhole(text: string, events: InferenceEvent[]): void {
    const json = answerJson(text, this.#context, parseExactly);
    // Services that do not know `alt=sse` send the chunks as one list.
    for (const chunk of Array.isArray(json) ? json : [json]) this.#readChunk(chunk, text, events);
  }

  end(events: InferenceEvent[]): void {
    if (this.#unfinished > 0) {
      const choices = this.#choices.length;
      const problem = `it ended after ${choices - this.#unfinished} of ${choices} finish reasons`;
      throw malformedFailure(problem, '', this.#context);
    }
    if (this.#usage) events.push({ type: 'usage', usage: this.#usage });
  }

  #readChunk(value: unknown, text: string, events: InferenceEvent[]): void {
    const error = errorObjectOf(value);
    if (error) throw reportedFailure(error, this.#context);
    const chunk = asObject(value);
    if (!chunk || !CHUNK_FIELDS.some((field) => chunk[field] !== undefined)) {
      throw malformedFailure("JSON without 'candidates'", text, this.#context);
    }
    for (const candidate of asList(chunk['candidates'])) this.#readCandidate(candidate, text, events);
    const blocked = asText(asObject(chunk['promptFeedback'])?.['blockReason']);
    if (blocked !== undefined) this.#block(blocked, events);
    this.#usage = readUsage(chunk['usageMetadata']) ?? this.#usage;
  }

  #readCandidate(value: unknown, text: string, events: InferenceEvent[]): void {
    const candidate = asObject(value);
    // The first index is 0, which may be left out on this wire.
    const index = candidate?.['index'] === undefined ? 0 : asCount(candidate['index']);
    const state = index === undefined ? undefined : this.#choices[index];
    if (!candidate || index === undefined || !state) {
      throw malformedFailure(`a candidate that was not asked for (${this.#choices.length} were)`, text, this.#context);
    }
    if (state.finished) return;
    const from = events.length;
    for (const part of asList(asObject(candidate['content'])?.['parts'])) {
      const problem = state.parts.read(part, events);
      if (!problem) continue;
      if ('malformed' in problem) throw malformedFailure(problem.malformed, text, this.#context);
      this.#warn(`parts of the kind '${problem.leftOut.slice(0, 64)}' are left out of the answer`, events);
    }
    this.#addLogprobs(index, candidate, from, events);
    for (const field of LEFT_OUT) {
      if (candidate[field] !== undefined) this.#warn(`'${field}' is left out of the answer`, events);
    }
    const finish = asText(candidate['finishReason']);
    if (finish !== undefined) this.#finish(index, state, finish, asText(candidate['finishMessage']), events);
  }

  /** Those of a chunk go with its first text. */
  #addLogprobs(choice: number, candidate: JsonObject, from: number, events: InferenceEvent[]): void {
    const logprobs = readLogprobs(candidate['logprobsResult']);
    if (!logprobs) return;
    const at = events.findIndex((event, place) => place >= from && event.type === 'text');
    const event = events[at];
    if (event?.type === 'text') events[at] = { ...event, logprobs };
    else events.push({ type: 'text', choice, text: '', logprobs });
  }

  #finish(
    choice: number,
    state: ChoiceState,
    told: string,
    message: string | undefined,
    events: InferenceEvent[],
  ): void {
    const read = readFinish(told, state.parts.saidAnything);
    const words = `'${told.slice(0, 64)}'${message === undefined ? '' : `: ${message.slice(0, 256)}`}`;
    if (!read) throw reportedFailure({ message: `the answer ended with ${words}`, type: told }, this.#context);
    if (read.told) this.#warn(`upstream ended the answer with ${words}`, events);
    this.#close(state);
    // Calls end with `STOP`.
    const reason = read.reason === 'stop' && state.parts.calls > 0 ? 'tool-calls' : read.reason;
    events.push({ type: 'finish', choice, reason });
  }

  /** A prompt that the service does not answer ends every choice by its filter. */
  #block(reason: string, events: InferenceEvent[]): void {
    for (const [choice, state] of this.#choices.entries()) {
      if (state.finished) continue;
      this.#warn(`upstream does not answer this prompt: '${reason.slice(0, 64)}'`, events);
      this.#close(state);
      events.push({ type: 'finish', choice, reason: 'content-filter' });
    }
  }

  #close(state: ChoiceState): void {
    state.finished = true;
    this.#unfinished--;
  }

  #warn(message: string, events: InferenceEvent[]): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    events.push({ type: 'warning', message });
  }
}
