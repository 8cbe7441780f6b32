import type { InferenceEvent } from '@golek/api';
import type { Handler, Interceptor, Log } from '@golek/plugins-api';

/** Marks a failure that came from what follows the interceptor, so that it is not taken for the interceptor's own. */
class Downstream {
  readonly thrown: unknown;
  constructor(thrown: unknown) {
    this.thrown = thrown;
  }
}

/**
 * Makes an interceptor that may fail: when it throws by its own fault, the error is logged and the request goes on without it. Events that
 * it had taken and not passed on are delivered, so that nothing is lost; events already passed on are not repeated.
 */
export const tolerant =
  (name: string, intercept: Interceptor, log: Log): Interceptor =>
  (next) => {
    return async function* tolerate(call): AsyncGenerator<InferenceEvent> {
      let source: AsyncIterator<InferenceEvent> | undefined;
      let taken: InferenceEvent[] = [];
      let failure: Downstream | undefined;

      const tap: Handler = (inner) => ({
        [Symbol.asyncIterator]: () => {
          const failed = (thrown: unknown): never => {
            failure = new Downstream(thrown);
            throw thrown;
          };
          let iterator: AsyncIterator<InferenceEvent>;
          try {
            iterator = source = next(inner)[Symbol.asyncIterator]();
          } catch (thrown) {
            return failed(thrown);
          }
          return {
            next: async () => {
              try {
                const result = await iterator.next();
                if (!result.done) taken.push(result.value);
                return result;
              } catch (thrown) {
                return failed(thrown);
              }
            },
            // The interceptor's early exit is its own decision unless it fails; the source is closed below.
            return: async () => ({ done: true, value: undefined }),
          };
        },
      });

      let ended = false;
      try {
        try {
          for await (const event of intercept(tap)(call)) {
            taken = [];
            yield event;
          }
          ended = true;
        } catch (thrown) {
          if (failure) throw failure.thrown;
          log.error(
            { err: thrown, phase: name, request: call.id, trace: call.trace.traceId },
            'a phase failed and was left out of the request',
          );
        }
        if (!ended) {
          const rest = source ?? next(call)[Symbol.asyncIterator]();
          source = rest;
          yield* taken;
          for (let result = await rest.next(); !result.done; result = await rest.next()) yield result.value;
        }
      } finally {
        await source?.return?.();
      }
    };
  };
