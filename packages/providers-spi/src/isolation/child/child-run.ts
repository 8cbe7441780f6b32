import type { InferenceEvent, SpanData } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { ModelSession, RunContext } from '../../provider.ts';
import { BYTES_PER_CREDIT, creditsOf } from '../credit.ts';
import type { Command, EngineSetup } from '../messages.ts';
import type { Outbox, OutboxRun } from './outbox.ts';

/** Spans of one run that are kept; a provider has use for a few. */
const MAX_SPANS = 64;

type RunCommand = Extract<Command, { type: 'run' }>;

/** One run in the child: pulls the session's events while the consumer has credit for them. */
export class ChildRun implements OutboxRun {
  readonly id: number;
  pending: InferenceEvent[] = [];
  done = false;
  readonly #setup: EngineSetup;
  readonly #outbox: Outbox;
  readonly #controller = new AbortController();
  readonly #spans: SpanData[] = [];
  /** Credits of events that the consumer does not have yet. */
  #outstanding = 0;
  #resume: (() => void) | undefined;

  constructor(id: number, setup: EngineSetup, outbox: Outbox) {
    this.id = id;
    this.#setup = setup;
    this.#outbox = outbox;
  }

  /** Works until the run has ended in whatever way; never throws. */
  async work(session: ModelSession, command: RunCommand): Promise<void> {
    const { request, id, traceparent, traced, tenant, priority, leftMs } = command;
    const { signal } = this.#controller;
    const stopped = (): boolean => signal.aborted;
    const context: RunContext = {
      id,
      signal,
      ...(traceparent !== undefined && { traceparent }),
      ...(traced && { onSpan: (span) => this.#span(span) }),
      ...(tenant !== undefined && { tenant }),
      ...(priority !== undefined && { priority }),
      ...(leftMs !== undefined && { deadline: performance.now() + leftMs }),
    };
    try {
      for await (const event of session.run(request, context)) {
        if (stopped()) return;
        this.#give(event);
        if (this.#outstanding >= this.#setup.window) await this.#credit();
        if (stopped()) return;
      }
      this.#outbox.end(this);
    } catch (thrown) {
      const error = GolekError.from(thrown, 'provider_failed').toJSON();
      if (!stopped()) this.#outbox.end(this, { type: 'error', error });
    }
  }

  grant(credits: number): void {
    this.#outstanding -= credits;
    if (this.#outstanding < this.#setup.window) this.#resume?.();
  }

  stop(error: GolekError): void {
    this.#controller.abort(error);
    this.#resume?.();
  }

  /** What the provider made of the run's spans, to be asked for when `work` has ended. */
  get spans(): readonly SpanData[] {
    return this.#spans;
  }

  #span(span: SpanData): void {
    if (this.#spans.length < MAX_SPANS) this.#spans.push(span);
  }

  #give(event: InferenceEvent): void {
    const credits = creditsOf(event);
    const { maxMessageBytes } = this.#setup;
    if (credits * BYTES_PER_CREDIT > maxMessageBytes + BYTES_PER_CREDIT) {
      throw new GolekError(
        'provider_failed',
        `a '${event.type}' event of about ${credits * BYTES_PER_CREDIT} bytes is larger than maxMessageBytes (${maxMessageBytes})`,
      );
    }
    this.#outstanding += credits;
    this.#outbox.push(this, event, credits);
  }

  #credit(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = () => {
        this.#resume = undefined;
        resolve();
      };
    });
  }
}
