import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, Interceptor } from '@golek/plugins-api';

/**
 * Tries an interceptor once more that failed with a retryable error before it entered the next phase. Only the first event is
 * guarded: later ones come straight from the interceptor, at no cost.
 */
export const retrying =
  (intercept: Interceptor): Interceptor =>
  (next) => {
    return (call) => {
      let entered = false;
      const entering: Handler = (inner) => {
        entered = true;
        return next(inner);
      };
      const hasEntered = (): boolean => entered;
      const isFinal = (thrown: unknown): boolean =>
        entered || call.signal.aborted || !GolekError.from(thrown).retryable;
      let events: AsyncIterable<InferenceEvent>;
      try {
        events = intercept(entering)(call);
      } catch (thrown) {
        if (isFinal(thrown)) throw thrown;
        return intercept(next)(call);
      }
      // Most go on at once: nothing is left that could be tried again, and their events need no step of this.
      if (hasEntered()) return events;
      let iterator: AsyncIterator<InferenceEvent> | undefined;
      const first = async (): Promise<IteratorResult<InferenceEvent>> => {
        try {
          iterator = events[Symbol.asyncIterator]();
          return await iterator.next();
        } catch (thrown) {
          if (isFinal(thrown)) throw thrown;
          iterator = intercept(next)(call)[Symbol.asyncIterator]();
          return iterator.next();
        }
      };
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => iterator?.next() ?? first(),
          return: async () => (await iterator?.return?.()) ?? { done: true, value: undefined },
        }),
      };
    };
  };
