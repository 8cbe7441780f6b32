import type { GenerateRequest, InferenceEvent } from '@golek/api';
import type { GolekError } from '@golek/api/plain';
import type { RunContext } from '../provider.ts';
import { bodyText } from './body-bytes.ts';
import type { Exchange, ResponseHead } from './exchange.ts';
import type { LineReader } from './line-reader.ts';
import { RunScope, type RunHost, type RunRequest } from './run-scope.ts';
import type { SseReader } from './sse-reader.ts';
import { malformedFailure } from './upstream-failure.ts';

/** Wire → canonical: reads what an upstream sends of one answer. Each method throws GolekError for what is no part of one and for a reported failure. */
export interface AnswerReader {
  /** Adds the events of one record of a stream. True: it was the last one. */
  read(record: string, events: InferenceEvent[]): boolean;
  /** Adds the events of an answer that came in one piece. */
  readWhole(text: string, events: InferenceEvent[]): void;
  /** True when every choice has its finish reason: what else may come are token counts. */
  readonly complete: boolean;
  /** After the last record: adds the usage. Throws for an answer that was cut. */
  end(events: InferenceEvent[]): void;
}

/** One generate request and how its answer is read. */
export interface StreamPlan {
  readonly request: GenerateRequest;
  /** Canonical → wire; called once, when the first event is asked for. May add warnings to the events. */
  readonly outgoing: (events: InferenceEvent[]) => RunRequest;
  readonly answer: AnswerReader;
  /** Cuts the stream into records. */
  readonly records: SseReader | LineReader;
  /** Content type of a stream, e.g. `text/event-stream`; undefined where the answer is asked for whole. */
  readonly streamType: string | undefined;
}

const DONE: IteratorResult<InferenceEvent, undefined> = { done: true, value: undefined };

/** An answer whose finish reasons have all come is whole: its token counts are waited for so long. */
const TAIL_MS = 5_000;

/**
 * One generate request. An iterator by hand, not a generator: what one packet held is given without a turn through a generator for each event. Events are
 * read out of a packet when they are asked for, so that nothing is worked out ahead of the consumer.
 */
export class StreamedRun implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #host: RunHost;
  readonly #plan: StreamPlan;
  readonly #scope: RunScope;
  #events: InferenceEvent[] = [];
  #next = 0;
  #exchange: Exchange | undefined;
  /** Nothing more comes from the upstream. */
  #complete = false;
  #ended = false;
  #tail: NodeJS.Timeout | undefined;

  constructor(host: RunHost, plan: StreamPlan, context: RunContext) {
    this.#host = host;
    this.#plan = plan;
    this.#scope = new RunScope(host, context);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<InferenceEvent, undefined>> {
    if (this.#ended) return Promise.resolve(DONE);
    const value = this.#scope.aborted ? undefined : this.#events[this.#next];
    if (!value) return this.#advance();
    this.#next++;
    return Promise.resolve({ done: false, value });
  }

  async return(): Promise<IteratorResult<InferenceEvent, undefined>> {
    this.#end();
    this.#scope.leave();
    return DONE;
  }

  async #advance(): Promise<IteratorResult<InferenceEvent, undefined>> {
    try {
      this.#scope.throwIfAborted();
      this.#exchange ??= await this.#begin();
      for (;;) {
        const value = this.#events[this.#next++];
        if (value) return { done: false, value };
        if (this.#complete) {
          this.#scope.close();
          this.#end();
          return DONE;
        }
        this.#events.length = this.#next = 0;
        await this.#fill(this.#exchange);
      }
    } catch (thrown) {
      this.#end();
      throw this.#scope.fail(thrown);
    }
  }

  async #begin(): Promise<Exchange> {
    const { request, outgoing, answer, streamType } = this.#plan;
    this.#host.refuse(request);
    const { exchange, head } = await this.#scope.send(outgoing(this.#events), streamType === undefined);
    if (this.#isWhole(head)) {
      const text = await bodyText(exchange);
      if (text.trim() === '') throw this.#malformed('an empty body');
      answer.readWhole(text, this.#events);
      this.#finish();
    }
    return exchange;
  }

  /** True for one JSON object, which services that cannot stream send in any case. Throws for what is neither that nor a stream. */
  #isWhole({ headers }: ResponseHead): boolean {
    const { streamType } = this.#plan;
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw this.#malformed(`the content encoding '${encoding.slice(0, 64)}', which was not asked for`);
    }
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (type === undefined) return streamType === undefined;
    if (type === (streamType ?? 'text/event-stream')) return false;
    if (type === 'application/json' || type.endsWith('+json')) return true;
    throw this.#malformed(`the content type '${type.slice(0, 64)}'`);
  }

  /** Reads until there is an event or the end. */
  async #fill(exchange: Exchange): Promise<void> {
    const { records } = this.#plan;
    while (this.#events.length === 0 && !this.#complete) {
      const record = records.next();
      if (record === undefined) {
        const packet = await this.#packet(exchange);
        if (packet) records.push(packet);
        else this.#readLast(records.end());
      } else this.#readRecord(record);
    }
  }

  #readLast(record: string | undefined): void {
    if (record !== undefined) this.#readRecord(record);
    if (!this.#complete) this.#finish();
  }

  #readRecord(record: string): void {
    const { answer } = this.#plan;
    if (answer.read(record, this.#events)) return this.#finish();
    if (answer.complete && !this.#tail) {
      this.#tail = setTimeout(() => this.#exchange?.cancel(new Error('the end of the answer did not come')), TAIL_MS);
      this.#tail.unref();
    }
  }

  async #packet(exchange: Exchange): Promise<Buffer | undefined> {
    try {
      return await exchange.read();
    } catch (error) {
      this.#scope.throwIfAborted();
      // What is missing of a whole answer are its token counts.
      if (this.#plan.answer.complete) return undefined;
      throw error;
    }
  }

  /** The end of what the upstream sends: a cut answer is a failure, never a success. */
  #finish(): void {
    this.#plan.answer.end(this.#events);
    this.#complete = true;
    this.#scope.received();
  }

  #malformed(problem: string): GolekError {
    const { upstream, model } = this.#host;
    return malformedFailure(problem, '', upstream.failureContext(model));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#tail);
  }
}
