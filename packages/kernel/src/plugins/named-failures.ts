import { GolekError, type InferenceEvent } from '@golek/api';
import type { Handler, InferenceCall, InterceptorContribution, PhaseContribution } from '@golek/plugins-api';

type Step = Promise<IteratorResult<InferenceEvent>>;

/** What an interceptor throws that is no answer to a request, as `plugin_failed` that names plugin and phase. */
const namedInterceptor = (
  plugin: string,
  version: string,
  { phase, name }: Pick<InterceptorContribution, 'phase' | 'name'>,
  intercept: InterceptorContribution['intercept'],
): InterceptorContribution['intercept'] => {
  const failureOf = (call: InferenceCall, thrown: unknown): unknown =>
    // Whatever comes out of a call that was ended says why it was ended.
    thrown instanceof GolekError || call.signal.aborted
      ? thrown
      : new GolekError(
          'plugin_failed',
          `the phase '${name}' (${phase}) of plugin '${plugin}' ${version} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
          { cause: thrown, details: { plugin, phase } },
        );
  return (next) => {
    /** What follows fails in its own name; its events need no look. */
    const following = new WeakSet<object>();
    const handler = intercept((call) => {
      const events = next(call);
      following.add(events);
      return events;
    });
    return (call) => {
      const fail = (thrown: unknown): never => {
        throw failureOf(call, thrown);
      };
      try {
        const events = handler(call);
        return following.has(events) ? events : failingAs(events, fail);
      } catch (thrown) {
        return fail(thrown);
      }
    };
  };
};

const failingAs = (events: ReturnType<Handler>, fail: (thrown: unknown) => never): AsyncIterable<InferenceEvent> => ({
  [Symbol.asyncIterator]: () => {
    try {
      const source = events[Symbol.asyncIterator]();
      return {
        next: (): Step => source.next().then(undefined, fail),
        return: async () => (await source.return?.().then(undefined, fail)) ?? { done: true, value: undefined },
      };
    } catch (thrown) {
      return fail(thrown);
    }
  },
});

/** A phase of a plugin whose failures name the plugin; those of observers are logged with the phase's name and stop nothing. */
export const withNamedFailures = (plugin: string, version: string, phase: PhaseContribution): PhaseContribution =>
  'intercept' in phase ? { ...phase, intercept: namedInterceptor(plugin, version, phase, phase.intercept) } : phase;
