import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, InferenceCall } from '@golek/plugins-api';
import type { ModelRegistry } from './models/model-registry.ts';
import type { SessionLease, SessionPool } from './models/session-pool.ts';

const DONE: IteratorResult<InferenceEvent, undefined> = { done: true, value: undefined };

/**
 * One run on a leased session. An iterator by hand, not a generator: it stands in every stream, and a generator would cost each event
 * three more microtasks.
 */
class DispatchedRun implements AsyncIterator<InferenceEvent> {
  readonly #call: InferenceCall;
  readonly #models: ModelRegistry;
  readonly #sessions: Pick<SessionPool, 'lease'>;
  #lease: SessionLease | undefined;
  #source: AsyncIterator<InferenceEvent> | undefined;
  /** The provider's first event, kept while `start` is given. */
  #held: IteratorResult<InferenceEvent> | undefined;
  #ended = false;

  constructor(call: InferenceCall, models: ModelRegistry, sessions: Pick<SessionPool, 'lease'>) {
    this.#call = call;
    this.#models = models;
    this.#sessions = sessions;
  }

  next(): Promise<IteratorResult<InferenceEvent>> {
    if (this.#ended) return Promise.resolve(DONE);
    if (!this.#source) return this.#begin();
    if (this.#held) {
      const held = this.#held;
      this.#held = undefined;
      return Promise.resolve(held);
    }
    return this.#source.next().then(this.#pass, this.#fail);
  }

  async return(): Promise<IteratorResult<InferenceEvent>> {
    if (this.#ended) return DONE;
    this.#ended = true;
    try {
      await this.#source?.return?.();
    } finally {
      this.#lease?.release();
    }
    return DONE;
  }

  /** Gives `start` together with the provider's first event, so that a failure before it can still get a status of its own. */
  async #begin(): Promise<IteratorResult<InferenceEvent>> {
    const { id, request, routing, signal, trace } = this.#call;
    try {
      const target = routing?.targets[0];
      if (!target) throw new GolekError('internal', 'the request reached the dispatch without a routing decision');
      const entry = this.#models.resolve(target.model);
      if (!entry) {
        throw new GolekError('model_not_found', `model '${target.model}' was removed while the request was on its way`);
      }
      this.#lease = await this.#sessions.lease(entry, signal);
      const run = this.#lease.session.run(request, { id, signal, traceparent: trace.traceparent });
      this.#source = run[Symbol.asyncIterator]();
      const first = await this.#source.next();
      if (first.done) return this.#pass(first);
      this.#held = first;
      return { done: false, value: { type: 'start', model: target.model, provider: target.provider } };
    } catch (thrown) {
      return this.#fail(thrown);
    }
  }

  readonly #pass = (result: IteratorResult<InferenceEvent>): IteratorResult<InferenceEvent> => {
    if (result.done) {
      this.#ended = true;
      this.#lease?.release();
    }
    return result;
  };

  readonly #fail = (thrown: unknown): never => {
    this.#ended = true;
    this.#lease?.release();
    throw GolekError.from(thrown, 'provider_failed');
  };
}

/** The innermost handler: leases the session of the routed target and runs the request on it. */
export const dispatcher =
  (models: ModelRegistry, sessions: Pick<SessionPool, 'lease'>): Handler =>
  (call) => ({ [Symbol.asyncIterator]: () => new DispatchedRun(call, models, sessions) });
