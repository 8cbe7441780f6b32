import type { GolekError } from '@golek/providers-spi';
import {
  refuseUnsupported,
  type GenerateRequest,
  type InferenceEvent,
  type RunContext,
  type SessionCapabilities,
} from '@golek/providers-spi';
import { bodyText } from './body-text.ts';
import type { Exchange, ResponseHead } from './exchange.ts';
import { RunScope, type RunHost } from './run-scope.ts';
import { SseReader } from './sse-reader.ts';
import { malformedFailure } from './upstream-failure.ts';
import { AnswerReader } from './wire/answer-reader.ts';
import { generateBody, type WireSettings } from './wire/request-body.ts';

/** What generate runs need beside the host. */
export interface GenerateSetup {
  readonly host: RunHost;
  /** Registered name, for refusals. */
  readonly name: string;
  readonly capabilities: SessionCapabilities;
  readonly settings: WireSettings;
  readonly maxLineBytes: number;
}

const DONE: IteratorResult<InferenceEvent, undefined> = { done: true, value: undefined };

/** An answer whose finish reasons have all come is whole: its token counts are waited for so long. */
const TAIL_MS = 5_000;

/**
 * One generate request. An iterator by hand, not a generator: what one packet held is given without a turn through a generator for each event. Events are
 * read out of a packet when they are asked for, so that nothing is worked out ahead of the consumer.
 */
export class GenerateRun implements AsyncIterableIterator<InferenceEvent, undefined> {
  readonly #setup: GenerateSetup;
  readonly #request: GenerateRequest;
  readonly #scope: RunScope;
  readonly #answer: AnswerReader;
  readonly #lines: SseReader;
  #events: InferenceEvent[] = [];
  #next = 0;
  #exchange: Exchange | undefined;
  /** Nothing more comes from the upstream. */
  #complete = false;
  #ended = false;
  #tail: NodeJS.Timeout | undefined;

  constructor(setup: GenerateSetup, request: GenerateRequest, context: RunContext) {
    const { host, maxLineBytes } = setup;
    this.#setup = setup;
    this.#request = request;
    this.#scope = new RunScope(host, context);
    this.#answer = new AnswerReader(request.choices ?? 1, context.id, host.upstream.failureContext(host.model));
    this.#lines = new SseReader(maxLineBytes);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<InferenceEvent, undefined>> {
    return this.#ended ? Promise.resolve(DONE) : this.#advance();
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
    const { host, name, capabilities, settings } = this.#setup;
    refuseUnsupported(this.#request, name, capabilities);
    const wire = generateBody(this.#request, host.model, settings);
    const { exchange, head } = await this.#scope.send(wire, settings.stream ? 'text/event-stream' : 'application/json');
    if (this.#isWhole(head)) {
      const text = await bodyText(exchange);
      if (text.trim() === '') throw this.#malformed('an empty body');
      this.#answer.read(text, this.#events);
      this.#finish();
    }
    return exchange;
  }

  /** True for one JSON object, which services that cannot stream send in any case. Throws for what is neither that nor a stream. */
  #isWhole({ headers }: ResponseHead): boolean {
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw this.#malformed(`the content encoding '${encoding.slice(0, 64)}', which was not asked for`);
    }
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
    if (type === undefined) return !this.#setup.settings.stream;
    if (type === 'text/event-stream') return false;
    if (type === 'application/json' || type.endsWith('+json')) return true;
    throw this.#malformed(`the content type '${type.slice(0, 64)}'`);
  }

  /** Reads until there is an event or the end. */
  async #fill(exchange: Exchange): Promise<void> {
    while (this.#events.length === 0 && !this.#complete) {
      const data = this.#lines.next();
      if (data === undefined) {
        const packet = await this.#packet(exchange);
        if (packet) this.#lines.push(packet);
        else this.#readLast(this.#lines.end());
      } else this.#readData(data);
    }
  }

  #readLast(data: string | undefined): void {
    if (data !== undefined) this.#readData(data);
    if (!this.#complete) this.#finish();
  }

  #readData(data: string): void {
    if (data === '[DONE]') return this.#finish();
    this.#answer.read(data, this.#events);
    if (this.#answer.complete && !this.#tail) {
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
      if (this.#answer.complete) return undefined;
      throw error;
    }
  }

  /** The end of what the upstream sends: a cut answer is a failure, never a success. */
  #finish(): void {
    const { unfinished, usage } = this.#answer;
    if (unfinished > 0) {
      const choices = this.#request.choices ?? 1;
      throw this.#malformed(`it ended after ${choices - unfinished} of ${choices} finish reasons`);
    }
    this.#complete = true;
    if (usage) this.#events.push({ type: 'usage', usage });
    this.#scope.received();
  }

  #malformed(problem: string): GolekError {
    const { upstream, model } = this.#setup.host;
    return malformedFailure(problem, '', upstream.failureContext(model));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#tail);
  }
}
