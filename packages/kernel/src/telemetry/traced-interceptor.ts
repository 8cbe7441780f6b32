import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, Interceptor, InterceptorContribution, TraceContext } from '@golek/plugins-api';
import { spanError } from './inference-span.ts';
import { ATTR, GOLEK_ATTR } from './semantic-conventions.ts';
import { startSpan, type ActiveSpan } from './span.ts';

/** An interceptor that went on within so long is an event of the inference's span, milliseconds: a span costs ten times as much as most interceptors do. */
const SHORT_MS = 0.1;

/** An interceptor's part of a recorded call: from its start until it goes on to what follows. */
class PhaseTime {
  readonly #phase: string;
  readonly #name: string;
  readonly #trace: TraceContext;
  readonly #startedAt = performance.now();
  ended = false;

  constructor(phase: string, name: string, trace: TraceContext) {
    this.#phase = phase;
    this.#name = name;
    this.#trace = trace;
  }

  wentOn(): void {
    if (this.ended) return;
    this.ended = true;
    const { event } = this.#trace;
    const tookMs = performance.now() - this.#startedAt;
    if (event && tookMs < SHORT_MS)
      event(`${this.#phase} ${this.#name}`, { [GOLEK_ATTR.phaseDuration]: tookMs / 1000 });
    else this.#span()?.end();
  }

  /** It answered the call itself. */
  answered(): void {
    if (this.ended) return;
    this.ended = true;
    const span = this.#span();
    span?.set(GOLEK_ATTR.answered, true);
    span?.end();
  }

  /** Nobody wants its events any more. */
  left(): void {
    if (this.ended) return;
    this.ended = true;
    this.#span()?.end();
  }

  failed(thrown: unknown): void {
    if (this.ended) return;
    this.ended = true;
    const error = spanError(GolekError.from(thrown));
    const span = this.#span();
    span?.set(ATTR.errorType, error.type);
    span?.end(error);
  }

  #span(): ActiveSpan | undefined {
    return startSpan(this.#trace, {
      name: `${this.#phase} ${this.#name}`,
      startedAt: this.#startedAt,
      attributes: { [GOLEK_ATTR.phase]: this.#phase },
    });
  }
}

/**
 * An interceptor whose part of a recorded call is told: from its start until it goes on to what follows, or until its end when it answers itself. A short one is an event of the
 * inference's span; one that took longer, failed or answered is a span of its own, made when that is known. What it does with events on their way out is not
 * measured: that would cost each event. A call that is not recorded costs two comparisons.
 */
export const traced = ({ name, phase, intercept }: InterceptorContribution): Interceptor => {
  const open = new WeakMap<TraceContext, PhaseTime>();
  return (next) => {
    const onward: Handler = (call) => {
      if (call.trace.sink) open.get(call.trace)?.wentOn();
      return next(call);
    };
    const handler = intercept(onward);
    return (call) => {
      const { trace } = call;
      if (!trace.sink) return handler(call);
      const time = new PhaseTime(phase, name, trace);
      open.set(trace, time);
      try {
        const events = handler(call);
        // Most have gone on by now: then there is nothing to be seen of the events, and no step for each of them.
        return time.ended ? events : watched(events, time);
      } catch (thrown) {
        time.failed(thrown);
        throw thrown;
      }
    };
  };
};

/** Tells the end of an interceptor that has not gone on yet by its events. */
const watched = (events: AsyncIterable<InferenceEvent>, time: PhaseTime): AsyncIterable<InferenceEvent> => ({
  [Symbol.asyncIterator]: () => {
    const source = events[Symbol.asyncIterator]();
    const step = async (): Promise<IteratorResult<InferenceEvent>> => {
      try {
        const result = await source.next();
        if (result.done) time.answered();
        return result;
      } catch (thrown) {
        time.failed(thrown);
        throw thrown;
      }
    };
    return {
      next: () => (time.ended ? source.next() : step()),
      return: async () => {
        time.left();
        return (await source.return?.()) ?? { done: true, value: undefined };
      },
    };
  },
});
