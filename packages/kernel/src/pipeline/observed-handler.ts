import { GolekError, type InferenceEvent } from '@golek/api';
import type { CallObserver, CallOutcome, Handler, InferenceCall, Log, ObserverContribution } from '@golek/plugins-api';

interface Watching {
  readonly name: string;
  readonly observer: CallObserver;
}

const watch = (call: InferenceCall, contributions: readonly ObserverContribution[], log: Log): Watching[] => {
  const watching: Watching[] = [];
  for (const { name, observe } of contributions) {
    try {
      const observer = observe(call);
      if (observer) watching.push({ name, observer });
    } catch (err) {
      log.error({ err, phase: name, request: call.id }, 'an observer failed');
    }
  }
  return watching;
};

/** Wraps a handler so that all observers see its events and its end; one step for each event however many observers there are. */
export const observed = (handler: Handler, contributions: readonly ObserverContribution[], log: Log): Handler => {
  if (contributions.length === 0) return handler;
  return async function* observe(call): AsyncGenerator<InferenceEvent> {
    const watching = watch(call, contributions, log);
    let outcome: CallOutcome = { status: 'abandoned' };
    try {
      for await (const event of handler(call)) {
        for (const { name, observer } of watching) {
          try {
            observer.event?.(event);
          } catch (err) {
            log.error({ err, phase: name, request: call.id }, 'an observer failed');
          }
        }
        yield event;
      }
      outcome = { status: 'completed' };
    } catch (thrown) {
      const error = failureOf(call, thrown);
      outcome = { status: 'failed', error };
      throw error;
    } finally {
      for (const { name, observer } of watching) {
        try {
          observer.end?.(outcome);
        } catch (err) {
          log.error({ err, phase: name, request: call.id }, 'an observer failed');
        }
      }
    }
  };
};

/** The one place where a failure of a call gets its code: an aborted call failed for the reason of its signal. */
export const failureOf = (call: InferenceCall, thrown: unknown): GolekError =>
  call.signal.aborted ? GolekError.from(call.signal.reason, 'cancelled') : GolekError.from(thrown);
