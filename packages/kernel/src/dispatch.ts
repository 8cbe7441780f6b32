import { GolekError, type InferenceEvent } from '@golek/api';
import { SILENT_LOG, type Handler, type InferenceCall, type Log, type RoutingTarget } from '@golek/plugins-api';
import type { ModelRegistry } from './models/model-registry.ts';
import type { SessionPool } from './models/session-pool.ts';
import type { AttemptObserver } from './reliability/attempt.ts';
import { AttemptObservers } from './reliability/attempt-observers.ts';
import { GuardTable } from './reliability/guard-table.ts';
import { hedged, hedgeDelay } from './reliability/hedge.ts';
import type { OutputLimitOf } from './reliability/output-limit.ts';
import { pause } from './waiting/pause.ts';
import { RetryDelays } from './reliability/retry-delays.ts';
import { RunningAttempt, type Leg, type Settled } from './reliability/running-attempt.ts';
import { Tries } from './reliability/tries.ts';

export interface DispatcherOptions {
  readonly models: Pick<ModelRegistry, 'resolve'>;
  readonly sessions: Pick<SessionPool, 'lease'>;
  /** Default: the default policy for every target. */
  readonly guards?: GuardTable;
  /** Told of every attempt. */
  readonly observers?: readonly AttemptObserver[];
  /** Default: the context of the model is the only bound. */
  readonly outputLimitOf?: OutputLimitOf;
  readonly log?: Log;
}

interface Parts {
  readonly models: Pick<ModelRegistry, 'resolve'>;
  readonly sessions: Pick<SessionPool, 'lease'>;
  readonly guards: GuardTable;
  readonly observers: AttemptObservers;
  readonly outputLimitOf: OutputLimitOf;
}

/** A target that may be tried again at a time that it named. */
interface Postponed {
  readonly leg: Leg;
  /** Tries made on it. */
  readonly tries: number;
  /** Milliseconds of `performance.now()`. */
  readonly dueAt: number;
}

const DONE: IteratorResult<InferenceEvent, undefined> = { done: true, value: undefined };

/**
 * One call over its targets and tries, until the first event of one of them; from then on that attempt's events, and nothing is tried again: the client has
 * seen a part of the answer. An iterator by hand, not a generator: it stands in every stream.
 */
class DispatchedRun implements AsyncIterator<InferenceEvent> {
  readonly #call: InferenceCall;
  readonly #parts: Parts;
  readonly #tries = new Tries();
  /** Targets that named a time to come back. */
  readonly #postponed: Postponed[] = [];
  /** Tries that reached a target. */
  #made = 0;
  #answering: RunningAttempt | undefined;
  /** The provider's first event, kept while `start` is given. */
  #held: IteratorResult<InferenceEvent> | undefined;
  #ended = false;

  constructor(call: InferenceCall, parts: Parts) {
    this.#call = call;
    this.#parts = parts;
  }

  next(): Promise<IteratorResult<InferenceEvent>> {
    if (this.#ended) return Promise.resolve(DONE);
    if (!this.#answering) return this.#begin();
    if (this.#held) {
      const held = this.#held;
      this.#held = undefined;
      return Promise.resolve(held);
    }
    return this.#answering.next();
  }

  async return(): Promise<IteratorResult<InferenceEvent>> {
    this.#ended = true;
    await this.#answering?.leave();
    return DONE;
  }

  /** Gives `start` together with the provider's first event, so that a failure before it can still be saved or get a status of its own. */
  async #begin(): Promise<IteratorResult<InferenceEvent>> {
    try {
      const first = await this.#firstEvent();
      if (this.#ended) {
        await this.#answering?.leave();
        return DONE;
      }
      if (first.done) {
        this.#ended = true;
        return first;
      }
      this.#held = first;
      return { done: false, value: this.#start() };
    } catch (thrown) {
      this.#ended = true;
      throw thrown;
    }
  }

  #start(): InferenceEvent {
    const { routing, request } = this.#call;
    const { model, provider } = (this.#answering as RunningAttempt).attempt.target;
    const { route: name = request.model, strategy, reasons = [] } = routing ?? {};
    const { failed } = this.#tries;
    const route =
      strategy === undefined
        ? { name, reasons: [...reasons], failed }
        : { name, strategy, reasons: [...reasons], failed };
    return { type: 'start', model, provider, route };
  }

  async #firstEvent(): Promise<IteratorResult<InferenceEvent>> {
    const { routing, signal } = this.#call;
    if (!routing) throw new GolekError('internal', 'the request reached the dispatch without a routing decision');
    const { targets } = routing;
    for (let index = 0; index < targets.length; index++) {
      const target = targets[index] as RoutingTarget;
      const leg = this.#legTo(target, performance.now());
      if (!leg) {
        const message = `model '${target.model}' was removed while the request was on its way`;
        this.#tries.add(target, new GolekError('model_not_found', message), true);
        continue;
      }
      const ended = await this.#tryTarget(leg, targets[index + 1]);
      if (!(ended instanceof GolekError)) return ended;
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      if (ended.elsewhere) continue;
      if (!ended.retryable) throw this.#tries.failure();
      break;
    }
    return this.#comeBack();
  }

  /** No target is left: waits for those that named a time, the earliest first. */
  async #comeBack(): Promise<IteratorResult<InferenceEvent>> {
    const { signal, deadline = Infinity } = this.#call;
    for (;;) {
      const next = this.#postponed.toSorted((a, b) => a.dueAt - b.dueAt)[0];
      if (!next) throw this.#tries.failure();
      this.#postponed.splice(this.#postponed.indexOf(next), 1);
      const { leg, tries, dueAt } = next;
      const { guard } = leg;
      const now = performance.now();
      if (dueAt >= Math.min(leg.endsAt, deadline) || guard.blocked(dueAt) !== undefined) continue;
      if (!guard.budget.take(guard.policy.retry, now)) continue;
      await pause(Math.max(0, dueAt - now), signal);
      const ended = signal.aborted ? undefined : await this.#tryTarget(leg, undefined, tries);
      if (ended && !(ended instanceof GolekError)) return ended;
      if (signal.aborted) throw GolekError.from(signal.reason, 'cancelled');
      if (ended && !ended.elsewhere && !ended.retryable) throw this.#tries.failure();
    }
  }

  /** Undefined when the model is not registered any more. */
  #legTo(target: RoutingTarget, now: number): Leg | undefined {
    const { models, guards } = this.#parts;
    const entry = models.resolve(target.model);
    if (!entry) return undefined;
    const guard = guards.of(target);
    guard.lastUsed = now;
    const timeouts = guards.timeoutsOf(this.#call, guard);
    const endsAt = timeouts.totalMs === undefined ? Infinity : now + timeouts.totalMs;
    return { target, entry, guard, timeouts, endsAt };
  }

  /** Tries one target as often as its policy allows, or until it names a time. @returns the first event, or the error of the last try. */
  async #tryTarget(
    leg: Leg,
    following: RoutingTarget | undefined,
    made = 0,
  ): Promise<IteratorResult<InferenceEvent> | GolekError> {
    const { request, signal, deadline = Infinity } = this.#call;
    const { guard } = leg;
    const { retry, hedge } = guard.policy;
    if (made === 0) guard.budget.request(guard.lastUsed);
    const hedgeAfterMs = hedgeDelay(request.task, hedge);
    let delays: RetryDelays | undefined;
    for (let tries = made + 1; ; tries++) {
      const results: readonly [Settled, ...Settled[]] =
        hedgeAfterMs === undefined
          ? [await this.#newAttempt(leg, 'only').begin()]
          : await this.#hedged(leg, hedgeAfterMs, following);
      results.forEach(this.#note);
      const [result] = results;
      if ('first' in result) {
        this.#answering = result.attempt;
        return result.first;
      }
      const { attempt, error } = result;
      if (signal.aborted || !error.retryable || attempt.refused || tries >= retry.attempts) return error;
      const now = performance.now();
      const waitMs = (delays ??= new RetryDelays(retry)).next();
      if (error.retryAfter !== undefined) {
        // The chosen pause on top keeps all who were told the same time from coming back together.
        const told = error.retryAfter * 1_000;
        if (told <= retry.maxRetryAfterMs) this.#postponed.push({ leg, tries, dueAt: now + told + waitMs });
        return error;
      }
      if (now + waitMs >= Math.min(leg.endsAt, deadline)) return error;
      if (guard.blocked(now + waitMs) !== undefined || !guard.budget.take(retry, now)) return error;
      if (!(await pause(waitMs, signal))) return error;
    }
  }

  /** A second attempt beside a slow one: on the following target, or on the same where there is none. */
  #hedged(leg: Leg, afterMs: number, following = leg.target): Promise<readonly [Settled, ...Settled[]]> {
    return hedged(this.#newAttempt(leg, 'first'), afterMs, () => {
      const now = performance.now();
      const beside = following === leg.target ? leg : this.#legTo(following, now);
      if (!beside || !leg.guard.budget.take(leg.guard.policy.retry, now)) return undefined;
      return this.#newAttempt(beside, 'hedge');
    });
  }

  #newAttempt(leg: Leg, role: 'only' | 'first' | 'hedge'): RunningAttempt {
    const { sessions, observers, outputLimitOf } = this.#parts;
    this.#made += 1;
    return new RunningAttempt({
      call: this.#call,
      leg,
      attempt: { target: leg.target, attempt: this.#made, hedge: role === 'hedge', startedAt: performance.now() },
      detached: role !== 'only',
      sessions,
      observers,
      outputLimitOf,
    });
  }

  readonly #note = (result: Settled): void => {
    if (!('error' in result)) return;
    const { attempt, error } = result;
    if (attempt.refused) this.#made -= 1;
    this.#tries.add(attempt.attempt.target, error, attempt.refused);
  };
}

/** The innermost handler: runs the request on the routed targets, each under its policy. */
export const dispatcher = ({
  models,
  sessions,
  guards = new GuardTable(),
  observers = [],
  outputLimitOf = () => undefined,
  log = SILENT_LOG,
}: DispatcherOptions): Handler => {
  const parts: Parts = { models, sessions, guards, observers: new AttemptObservers(observers, log), outputLimitOf };
  return (call) => ({ [Symbol.asyncIterator]: () => new DispatchedRun(call, parts) });
};
