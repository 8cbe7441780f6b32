import { GolekError, type InferenceEvent } from '@golek/api';
import {
  responseStream,
  type ResponseCall,
  type ResponseDraft,
  type ResponseEncoder,
  type ResponseIdentity,
  type ResponseObject,
} from '@golek/protocols/openai-responses';
import type { BackgroundExchange } from './background-exchange.ts';
import { EventTape } from './event-tape.ts';

/** A response that is made while nobody has to wait for it. */
export interface BackgroundWork {
  readonly identity: ResponseIdentity;
  readonly call: ResponseCall;
  readonly exchange: BackgroundExchange;
  readonly run: (exchange: BackgroundExchange) => AsyncIterable<InferenceEvent>;
  /** Hears of the response once, when it is complete, has failed or was cancelled; `tape`: of one that is streamed. */
  readonly ended: (response: ResponseObject, draft: ResponseDraft, tape: EventTape | undefined) => void;
}

/** One run in the background. */
export class BackgroundJob {
  /** The response before its run has begun. */
  readonly begun: ResponseObject;
  /** Its events, where it is streamed. */
  readonly tape: EventTape | undefined;
  readonly #work: BackgroundWork;
  readonly #encoder: ResponseEncoder;
  readonly #tapeBytes: number;
  #status: 'queued' | 'in_progress' | 'ended' = 'queued';
  #response: ResponseObject | undefined;

  /** `tapeBytes`: what its tape may have. */
  constructor(work: BackgroundWork, tapeBytes: number) {
    const ended = (response: ResponseObject): ResponseObject => (this.#response = response);
    this.#work = work;
    this.#tapeBytes = tapeBytes;
    this.tape = work.call.stream ? new EventTape() : undefined;
    this.#encoder = responseStream(work.identity, work.call, { finished: ended, failed: ended });
    this.begun = this.#encoder.draft.snapshot('queued');
  }

  get tenant(): string {
    return this.#work.exchange.principal.tenant;
  }

  /** The response as it is now; undefined when it has ended. */
  get present(): ResponseObject | undefined {
    return this.#status === 'ended' ? undefined : this.#encoder.draft.snapshot(this.#status);
  }

  async run(events: AsyncIterable<InferenceEvent>): Promise<void> {
    using exchange = this.#work.exchange;
    try {
      for await (const event of events) {
        if (!this.#take(event)) return;
      }
      this.#end(() => this.#encoder.end());
    } catch (thrown) {
      const error = GolekError.from(thrown);
      exchange.controller.abort(error);
      this.#end(() => this.#encoder.fail(error, {}));
    }
  }

  /** Ends it with what it has made. */
  cancel(): ResponseObject | undefined {
    const error = new GolekError('cancelled', `the response '${this.#encoder.draft.id}' was cancelled`);
    this.#work.exchange.controller.abort(error);
    this.#end(() => this.#encoder.fail(error, {}));
    return this.#response;
  }

  /** @returns false when it has ended before. */
  #take(event: InferenceEvent): boolean {
    if (this.#status === 'ended') return false;
    this.#status = 'in_progress';
    const text = this.#encoder.encode(event);
    this.tape?.append(text);
    const bytes = this.tape?.bytes ?? 0;
    if (bytes <= this.#tapeBytes) return true;
    throw new GolekError(
      'insufficient_memory',
      `the events of the response have ${bytes} bytes, one response may have ${this.#tapeBytes}; raise 'responses.maxBytes', or leave 'stream' out`,
    );
  }

  /** `last` writes the last events, once. */
  #end(last: () => string): void {
    if (this.#status === 'ended') return;
    const text = last();
    this.#status = 'ended';
    this.tape?.append(text);
    if (this.#response) this.#work.ended(this.#response, this.#encoder.draft, this.tape);
    this.tape?.end();
  }
}
