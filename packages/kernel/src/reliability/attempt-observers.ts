import type { InferenceCall, Log } from '@golek/plugins-api';
import type { Attempt, AttemptObserver, AttemptRecord } from './attempt.ts';

/** All observers of attempts as one. What one of them throws is logged and goes no further. */
export class AttemptObservers {
  readonly #observers: readonly AttemptObserver[];
  readonly #log: Log;

  constructor(observers: readonly AttemptObserver[], log: Log) {
    this.#observers = observers;
    this.#log = log;
  }

  begin(call: InferenceCall, attempt: Attempt): void {
    for (const observer of this.#observers) {
      try {
        observer.begin?.(call, attempt);
      } catch (err) {
        this.#report(call, err);
      }
    }
  }

  end(call: InferenceCall, record: AttemptRecord): void {
    for (const observer of this.#observers) {
      try {
        observer.end?.(call, record);
      } catch (err) {
        this.#report(call, err);
      }
    }
  }

  #report(call: InferenceCall, err: unknown): void {
    this.#log.error({ err, request: call.id, trace: call.trace.traceId }, 'an observer of attempts failed');
  }
}
