import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, Interceptor, InterceptorContribution, TraceContext } from '@golek/plugins-api';
import { spanError } from './inference-span.ts';
import { ATTR, GOLEK_ATTR } from './semantic-conventions.ts';
import { startSpan, type ActiveSpan } from './span.ts';

/** A span of an interceptor that has not gone on yet, and what the rest of the call belongs under. */
interface Entered {
  readonly span: ActiveSpan;
  readonly outer: TraceContext;
}

/**
 * An interceptor whose part of a recorded call is a span: from its start until it goes on to what follows, or until its end when it answers itself. What it
 * does with events on their way out is not measured: that would cost each event. A call that is not recorded costs two comparisons.
 */
export const traced = ({ name, phase, intercept }: InterceptorContribution): Interceptor => {
  const open = new WeakMap<TraceContext, Entered>();
  return (next) => {
    const onward: Handler = (call) => {
      const entered = call.trace.sink && open.get(call.trace);
      if (!entered) return next(call);
      entered.span.end();
      return next(Object.freeze({ ...call, trace: entered.outer }));
    };
    const handler = intercept(onward);
    return (call) => {
      const span = startSpan(call.trace, { name: `${phase} ${name}`, attributes: { [GOLEK_ATTR.phase]: phase } });
      if (!span) return handler(call);
      open.set(span.trace, { span, outer: call.trace });
      try {
        const events = handler(Object.freeze({ ...call, trace: span.trace }));
        // Most have gone on by now: then there is nothing to be seen of the events, and no step for each of them.
        return span.ended ? events : endedWith(events, span);
      } catch (thrown) {
        fail(span, thrown);
        throw thrown;
      }
    };
  };
};

const fail = (span: ActiveSpan, thrown: unknown): void => {
  const error = spanError(GolekError.from(thrown));
  span.set(ATTR.errorType, error.type);
  span.end(error);
};

/** Ends the span with its interceptor's events; it has ended before where the interceptor went on to what follows. */
const endedWith = (events: AsyncIterable<InferenceEvent>, span: ActiveSpan): AsyncIterable<InferenceEvent> => ({
  [Symbol.asyncIterator]: () => {
    const source = events[Symbol.asyncIterator]();
    const watched = async (): Promise<IteratorResult<InferenceEvent>> => {
      try {
        const result = await source.next();
        if (result.done) {
          span.set(GOLEK_ATTR.answered, true);
          span.end();
        }
        return result;
      } catch (thrown) {
        fail(span, thrown);
        throw thrown;
      }
    };
    return {
      next: () => (span.ended ? source.next() : watched()),
      return: async () => {
        span.end();
        return (await source.return?.()) ?? { done: true, value: undefined };
      },
    };
  },
});
