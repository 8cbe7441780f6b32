import type { InferenceRequest } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import type { RunContext } from '../provider.ts';
import { bodyText } from './body-bytes.ts';
import type { ConnectionSlots } from './connection-slots.ts';
import type { Exchange, ResponseHead } from './exchange.ts';
import { MalformedStream } from './line-reader.ts';
import { transportFailure } from './transport-failure.ts';
import type { Outgoing, Upstream } from './upstream.ts';
import { malformedFailure, statusFailure } from './upstream-failure.ts';

/** A run in progress. */
export interface Abortable {
  /** Ends it from this side: what waits for the upstream fails with the reason. */
  abort(reason: unknown): void;
}

/** What the runs of a session share. */
export interface RunHost {
  readonly upstream: Upstream;
  readonly slots: ConnectionSlots;
  /** Name of the model at the upstream. */
  readonly model: string;
  /** Runs in progress, so that a disposal can end them. */
  readonly runs: Set<Abortable>;
  /** Why no run may begin any more. */
  readonly closed: () => GolekError | undefined;
  /** Told how each run ended that was not ended from this side. */
  readonly report: (failure: GolekError | undefined) => void;
  /** Throws `unsupported` for what the model cannot do. */
  readonly refuse: (request: InferenceRequest) => void;
}

/** What a run sends, by POST. */
export type RunRequest = Omit<Outgoing, 'method' | 'traceparent' | 'answerMs'>;

/** Error objects are small; a web page need not be read to its end. */
const ERROR_BYTES = 64 * 1024;

/** The life of one run: its signal, its connection, and what a failure of it means. */
export class RunScope {
  readonly #host: RunHost;
  readonly #context: RunContext;
  /** Why the run was ended from this side. */
  #aborted: { readonly reason: unknown } | undefined;
  /** Ends the wait for a connection. */
  #wait: AbortController | undefined;
  #exchange: Exchange | undefined;
  #closed = false;

  constructor(host: RunHost, context: RunContext) {
    this.#host = host;
    this.#context = context;
  }

  /**
   * Takes a connection, sends the request and waits for the head of an answer that is a 200. `whole`: the answer is asked for in one piece, and may take as long as the context
   * says for such a one.
   */
  async send(
    outgoing: RunRequest,
    whole = false,
  ): Promise<{ readonly exchange: Exchange; readonly head: ResponseHead }> {
    const { upstream, slots, model, runs, closed } = this.#host;
    const { signal, traceparent, wholeMs } = this.#context;
    const answerMs = whole ? wholeMs : undefined;
    const refusal = closed();
    if (refusal) throw refusal;
    if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
    runs.add(this);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (!slots.tryTake()) await this.#waitForSlot();
    try {
      for (let tries = 1; ; tries++) {
        const apiKey = upstream.keys.take(model);
        const exchange = upstream.send({ method: 'POST', ...outgoing, answerMs, traceparent, apiKey });
        this.#exchange = exchange;
        const head = await exchange.head();
        if (head.status === 200) {
          exchange.onClosed(() => slots.give());
          return { exchange, head };
        }
        const failure = statusFailure(head, await bodyText(exchange, ERROR_BYTES), upstream.failureContext(model));
        // Another key is another account: nothing of the request was done, and nothing of an answer has gone anywhere.
        const again = upstream.keys.refused(apiKey, failure, model) && tries < upstream.keys.size;
        this.throwIfAborted();
        if (!again) throw failure;
        exchange.cancel(failure);
      }
    } catch (thrown) {
      if (this.#exchange) this.#exchange.onClosed(() => slots.give());
      else slots.give();
      throw thrown;
    }
  }

  async #waitForSlot(): Promise<void> {
    const { slots } = this.#host;
    this.#wait = new AbortController();
    await slots.take(this.#wait.signal);
    if (!this.#aborted) return;
    slots.give();
    throw this.#aborted.reason;
  }

  /** Ends the run from this side: what waits for the upstream fails with the reason. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#wait?.abort(reason);
    this.#exchange?.cancel(reason);
    this.#leave();
  }

  get aborted(): boolean {
    return this.#aborted !== undefined;
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#aborted.reason;
  }

  /** Closes the run after a failure and says what the failure is. */
  fail(thrown: unknown): GolekError {
    if (this.#aborted) return GolekError.from(this.#aborted.reason, 'cancelled');
    const { upstream, model, report } = this.#host;
    const error =
      thrown instanceof MalformedStream || thrown instanceof RangeError
        ? malformedFailure(thrown.message, excerptOf(thrown), upstream.failureContext(model))
        : transportFailure(thrown, upstream.id, upstream.host);
    const sent = this.#exchange !== undefined;
    this.#exchange?.cancel(error);
    this.#leave();
    if (sent) report(error);
    return error;
  }

  /** The whole answer is here: the connection is kept where possible. The run goes on until its events are given. */
  received(): void {
    this.#exchange?.release();
    this.#host.report(undefined);
  }

  /** Closes the run after its last event. */
  close(): void {
    this.#leave();
  }

  /** Closes the run because nobody wants the rest. */
  leave(): void {
    if (!this.#closed) this.abort(new GolekError('cancelled', 'the consumer left'));
  }

  readonly #onAbort = (): void => {
    const { reason } = this.#context.signal as { readonly reason: unknown };
    // Whoever runs out of patience with an upstream that says nothing speaks against it; a client that leaves does not.
    if (this.#exchange?.silent === true && reason instanceof GolekError && reason.code === 'deadline_exceeded') {
      this.#host.report(reason);
    }
    this.abort(reason);
  };

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#host.runs.delete(this);
  }
}

const excerptOf = (thrown: Error): string => (thrown instanceof MalformedStream ? thrown.excerpt : '');
