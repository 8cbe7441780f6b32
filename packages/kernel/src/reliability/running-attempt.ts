import { GolekError, type InferenceEvent, type InferenceRequest } from '@golek/api';
import type { InferenceCall, RoutingTarget } from '@golek/plugins-api';
import type { RunContext } from '@golek/providers-spi';
import type { ModelEntry } from '../models/model-registry.ts';
import type { SessionLease, SessionPool } from '../models/session-pool.ts';
import { ATTR, GOLEK_ATTR } from '../telemetry/semantic-conventions.ts';
import { startSpan, type ActiveSpan } from '../telemetry/span.ts';
import type { Attempt, AttemptOutcome } from './attempt.ts';
import { AttemptLimits } from './attempt-limits.ts';
import type { AttemptObservers } from './attempt-observers.ts';
import { NOT_ADMITTED } from './circuit-breaker.ts';
import { withLimitTold, withOutputLimit, type OutputLimitOf, type OutputLimits } from './output-limit.ts';
import type { TargetGuard } from './target-guard.ts';
import type { TimeoutPolicy } from './target-policy.ts';

/** A target as one call uses it. */
export interface Leg {
  readonly target: RoutingTarget;
  readonly entry: ModelEntry;
  readonly guard: TargetGuard;
  readonly timeouts: TimeoutPolicy;
  /** When the call's time on the target ends, milliseconds of `performance.now()`; Infinity: never. */
  readonly endsAt: number;
}

export interface RunningAttemptOptions {
  readonly call: InferenceCall;
  readonly leg: Leg;
  readonly attempt: Attempt;
  /** Another attempt may make this one superfluous. */
  readonly detached: boolean;
  readonly sessions: Pick<SessionPool, 'lease'>;
  readonly observers: AttemptObservers;
  readonly outputLimitOf: OutputLimitOf;
}

type Result = IteratorResult<InferenceEvent>;

/** An attempt and what came of it: its first event, or the error that it ended with. */
export type Settled =
  | { readonly attempt: RunningAttempt; readonly first: Result }
  | { readonly attempt: RunningAttempt; readonly error: GolekError };

/**
 * One try on one target: breaker, place, session, limits, events. However it ends, place and session are given back once and the end is reported once. An iterator by
 * hand, not a generator: it stands in every stream, and a generator would cost each event three more microtasks.
 */
export class RunningAttempt {
  readonly attempt: Attempt;
  readonly #options: RunningAttemptOptions;
  readonly #call: InferenceCall;
  readonly #guard: TargetGuard;
  readonly #limits: AttemptLimits;
  readonly #span: ActiveSpan | undefined;
  #permit = NOT_ADMITTED;
  /** When it got its place; absent: it has none. */
  #placedAt: number | undefined;
  #firstEventMs: number | undefined;
  #completionTokens: number | undefined;
  #lease: SessionLease | undefined;
  /** The request as it was sent. */
  #sent: InferenceRequest;
  #source: AsyncIterator<InferenceEvent> | undefined;
  #superseded = false;
  #ended = false;

  constructor(options: RunningAttemptOptions) {
    const { call, leg, attempt, detached } = options;
    const { timeouts, endsAt } = leg;
    this.#options = options;
    this.attempt = attempt;
    this.#call = call;
    this.#sent = call.request;
    this.#guard = leg.guard;
    const { model, provider } = attempt.target;
    this.#limits = new AttemptLimits({ model, signal: call.signal, timeouts, endsAt, detached });
    if (call.trace.sink) {
      this.#span = startSpan(call.trace, {
        name: `attempt ${model}`,
        kind: 'client',
        startedAt: attempt.startedAt,
        attributes: {
          [ATTR.provider]: provider,
          [ATTR.requestModel]: model,
          [GOLEK_ATTR.attempt]: attempt.attempt,
          ...(attempt.hedge && { [GOLEK_ATTR.hedge]: true }),
        },
      });
    }
    options.observers.begin(call, attempt);
  }

  /** It never reached the target: the breaker was open or there was no place. */
  get refused(): boolean {
    return this.#placedAt === undefined;
  }

  get #outputLimits(): OutputLimits {
    return { most: this.#options.outputLimitOf(this.#call), unnamed: this.#call.defaultMaxTokens };
  }

  /** Runs it until its first event; with an error it has ended. Never rejects. */
  async begin(): Promise<Settled> {
    try {
      if (!this.#enter()) await this.#waitForPlace();
      const { request, id, trace, principal, priority, deadline, whole } = this.#call;
      const { sessions, leg, detached } = this.#options;
      const { signal } = this.#limits;
      this.#lease = await sessions.lease(leg.entry, signal);
      signal.throwIfAborted();
      const { session } = this.#lease;
      this.#sent = withOutputLimit(request, this.#outputLimits, leg.target.model, session.capabilities);
      // A hedge waits for the first token; what is no text has none to wait for.
      const inOnePiece = whole && !detached && request.task === 'generate' && session.capabilities.whole;
      const wholeMs = inOnePiece ? leg.timeouts.wholeMs : undefined;
      const { traceparent, sink } = this.#span?.trace ?? trace;
      const context: RunContext = {
        id,
        signal,
        traceparent,
        tenant: principal.tenant,
        ...(sink && { onSpan: sink }),
        ...(priority !== undefined && { priority }),
        ...(deadline !== undefined && { deadline }),
        ...(wholeMs !== undefined && { wholeMs }),
      };
      this.#source = session.run(this.#sent, context)[Symbol.asyncIterator]();
      const first = await this.#limits.first(this.#source.next(), wholeMs);
      this.#firstEventMs = performance.now() - (this.#placedAt ?? 0);
      this.#guard.breaker.answered(this.#permit);
      this.#limits.began();
      return { attempt: this, first: this.#pass(first) };
    } catch (thrown) {
      return { attempt: this, error: this.#failure(thrown) };
    }
  }

  /** The events after the first one. */
  next(): Promise<Result> {
    if (this.#ended || !this.#source) return Promise.resolve({ done: true, value: undefined });
    this.#limits.wait();
    return this.#source.next().then(this.#pass, this.#fail);
  }

  /** Ends the attempt because nobody wants its events any more. */
  async leave(): Promise<void> {
    if (this.#ended) return;
    const source = this.#source;
    this.#limits.abort(new GolekError('cancelled', 'the consumer stopped reading'));
    try {
      if (source) await source.return?.();
    } finally {
      this.#end('abandoned');
    }
  }

  /** Ends it while it waits for its first event; `begin` gives the error then. */
  supersede(): void {
    this.#superseded = true;
    this.#limits.abort(new GolekError('cancelled', 'another attempt answered first'));
  }

  /** Takes a place that is free; false where there is none. Throws `breaker_open`. */
  #enter(): boolean {
    const { startedAt } = this.attempt;
    const { breaker, bulkhead } = this.#guard;
    this.#permit = breaker.admit(startedAt);
    if (this.#permit === NOT_ADMITTED) throw this.#guard.breakerOpen(startedAt);
    if (!bulkhead.tryEnter(this.#call.principal.tenant)) return false;
    this.#placedAt = startedAt;
    return true;
  }

  async #waitForPlace(): Promise<void> {
    const { attempt, leg } = this.#options;
    const { breaker, bulkhead } = this.#guard;
    const { principal, priority = 0, deadline = Infinity } = this.#call;
    if (attempt.hedge) throw new GolekError('overloaded', `model '${attempt.target.model}' has no place for a hedge`);
    const { signal } = this.#limits;
    await bulkhead.enter({ tenant: principal.tenant, priority, deadline: Math.min(deadline, leg.endsAt), signal });
    const now = performance.now();
    // It may have opened while the call waited.
    breaker.released(this.#permit);
    this.#permit = breaker.admit(now);
    if (this.#permit === NOT_ADMITTED) {
      bulkhead.leave(principal.tenant, 0);
      throw this.#guard.breakerOpen(now);
    }
    this.#placedAt = now;
    signal.throwIfAborted();
  }

  readonly #pass = (result: Result): Result => {
    if (result.done) this.#end('answered');
    else {
      this.#limits.came();
      if (result.value.type === 'usage') this.#completionTokens = result.value.usage.completionTokens;
    }
    return result;
  };

  readonly #fail = (thrown: unknown): never => {
    throw this.#failure(thrown);
  };

  /** Ends the attempt with what was thrown, and says what the call shall be told. */
  #failure(thrown: unknown): GolekError {
    const { signal } = this.#call;
    const { expired } = this.#limits;
    if (this.#ended) return GolekError.from(thrown, 'provider_failed');
    if (expired) {
      // It may not heed its signal; nobody waits for it any more.
      void this.#source?.return?.().catch(() => undefined);
      this.#end(this.refused ? 'refused' : 'failed', expired);
      return expired;
    }
    if (signal.aborted || this.#superseded) {
      void this.#source?.return?.().catch(() => undefined);
      const reason = GolekError.from(signal.aborted ? signal.reason : this.#limits.signal.reason, 'cancelled');
      this.#end('abandoned');
      return reason;
    }
    const error = withLimitTold(
      GolekError.from(thrown, 'provider_failed'),
      this.#call.request,
      this.#sent,
      this.#outputLimits,
    );
    this.#end(this.refused ? 'refused' : 'failed', error);
    return error;
  }

  #end(outcome: AttemptOutcome, error?: GolekError): void {
    if (this.#ended) return;
    this.#ended = true;
    const { attempt, observers } = this.#options;
    const now = performance.now();
    this.#limits.end();
    this.#lease?.release();
    this.#report(outcome, error, now);
    const placedAt = this.#placedAt;
    if (placedAt !== undefined) this.#guard.bulkhead.leave(this.#call.principal.tenant, now - placedAt);
    this.#endSpan(outcome, error);
    observers.end(this.#call, {
      ...attempt,
      outcome,
      ...(error && { error }),
      queuedMs: (placedAt ?? now) - attempt.startedAt,
      ...(this.#firstEventMs !== undefined && { firstEventMs: this.#firstEventMs }),
      durationMs: now - attempt.startedAt,
      ...(this.#completionTokens !== undefined && { completionTokens: this.#completionTokens }),
    });
  }

  #report(outcome: AttemptOutcome, error: GolekError | undefined, now: number): void {
    const { breaker } = this.#guard;
    if (this.#permit === NOT_ADMITTED) return;
    // A target that streams is alive, however long its answer takes.
    const tooLongOnly = this.#firstEventMs !== undefined && this.#limits.totalPassed;
    if (outcome === 'answered') breaker.succeeded(this.#permit, now);
    else if (outcome === 'failed' && error && !tooLongOnly) breaker.failed(this.#permit, error, now);
    else breaker.released(this.#permit);
  }

  #endSpan(outcome: AttemptOutcome, error: GolekError | undefined): void {
    const span = this.#span;
    if (!span) return;
    span.set(GOLEK_ATTR.attemptOutcome, outcome);
    if (this.#completionTokens !== undefined) span.set(ATTR.outputTokens, this.#completionTokens);
    if (error) span.set(ATTR.errorType, error.code);
    span.end(error && { type: error.code, message: error.message });
  }
}
