import type { InferenceEvent } from '@golek/api';
import type { Exchange } from './exchange.ts';
import { routeOfStart } from './route-header.ts';

type Start = Extract<InferenceEvent, { type: 'start' }>;
type Result = IteratorResult<InferenceEvent, undefined>;

/**
 * The same events; `told` hears of the first one, `start`, before it is given. By hand: a generator would cost each later event three
 * microtasks.
 */
export const withStart = (
  events: AsyncIterable<InferenceEvent>,
  told: (start: Start) => void | Promise<void>,
): AsyncIterable<InferenceEvent> => ({
  [Symbol.asyncIterator]: () => {
    const source = events[Symbol.asyncIterator]();
    const note = (result: Result): Result | Promise<Result> => {
      if (result.done || result.value.type !== 'start') return result;
      return told(result.value)?.then(() => result) ?? result;
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

/** The same events; the exchange learns which route was taken before a header is sent. */
export const noted = (
  events: AsyncIterable<InferenceEvent>,
  exchange: Pick<Exchange, 'routeTaken'>,
): AsyncIterable<InferenceEvent> =>
  withStart(events, (start) => {
    exchange.routeTaken ??= routeOfStart(start);
  });
