import type { InferenceEvent } from '@golek/api';
import type { CallObserver, CallOutcome, InferenceCall, Log, ObserverContribution } from '@golek/plugins-api';

interface Watching {
  readonly name: string;
  readonly observer: CallObserver;
}

/** The observers of one call. Whatever they throw is logged and goes no further. */
export class CallWatch {
  readonly #watching: Watching[] = [];
  readonly #call: InferenceCall;
  readonly #log: Log;

  constructor(call: InferenceCall, contributions: readonly ObserverContribution[], log: Log) {
    this.#call = call;
    this.#log = log;
    for (const { name, observe } of contributions) {
      try {
        const observer = observe(call);
        if (observer) this.#watching.push({ name, observer });
      } catch (thrown) {
        this.#report(name, thrown);
      }
    }
  }

  /** Adds an observer of the kernel's own. */
  join(name: string, observer: CallObserver): void {
    this.#watching.push({ name, observer });
  }

  event(event: InferenceEvent): void {
    for (const { name, observer } of this.#watching) {
      try {
        observer.event?.(event);
      } catch (thrown) {
        this.#report(name, thrown);
      }
    }
  }

  end(outcome: CallOutcome): void {
    for (const { name, observer } of this.#watching) {
      try {
        observer.end?.(outcome);
      } catch (thrown) {
        this.#report(name, thrown);
      }
    }
  }

  #report(phase: string, err: unknown): void {
    this.#log.error({ err, phase, request: this.#call.id, trace: this.#call.trace.traceId }, 'an observer failed');
  }
}
