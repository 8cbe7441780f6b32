import type { InferenceEvent } from '@golek/api';
import type { Exchange } from './exchange.ts';
import { routeOfStart } from './route-header.ts';

/**
 * The same events; the first one, `start`, tells the exchange which route was taken, before a header is sent. By hand: a generator would cost each later event three
 * microtasks.
 */
export const noted = (events: AsyncIterable<InferenceEvent>, exchange: Exchange): AsyncIterable<InferenceEvent> => ({
  [Symbol.asyncIterator]: () => {
    const source = events[Symbol.asyncIterator]();
    const note = (result: IteratorResult<InferenceEvent, undefined>): IteratorResult<InferenceEvent, undefined> => {
      if (!result.done && result.value.type === 'start') exchange.routeTaken ??= routeOfStart(result.value);
      return result;
    };
    let first = true;
    return {
      next: () => {
        if (!first) return source.next();
        first = false;
        return source.next().then(note);
      },
      return: () => source.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    };
  },
});
