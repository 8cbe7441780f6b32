import { setImmediate as turn } from 'node:timers/promises';
import type { InferenceEvent, ModelSession, Provider, RunContext } from '@golek/providers-spi';
import type { InferenceRequest } from '@golek/api';

type Step = IteratorResult<InferenceEvent, undefined>;

/**
 * Makes a provider of the gateway benchmark: each model answers once as it does, and from then on with the same events again, so that the cost of the fake engine is not
 * taken for the gateway's. Each piece of an answer comes in a turn of the event loop of its own, as an engine's steps or an upstream's packets do; so does the end of an answer of several
 * pieces, while the end of an answer in one piece comes with it.
 */
export const paced = (provider: Provider): Provider => ({
  id: provider.id,
  capabilities: provider.capabilities,
  inspect: (source, options) => provider.inspect(source, options),
  open: async (source, options) => pacedSession(await provider.open(source, options)),
  health: () => provider.health(),
  [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
});

const pacedSession = (session: ModelSession): ModelSession => {
  let answer: readonly InferenceEvent[] | undefined;
  async function* recording(request: InferenceRequest, context: RunContext): AsyncGenerator<InferenceEvent> {
    const events: InferenceEvent[] = [];
    for await (const event of session.run(request, context)) {
      await turn();
      events.push(event);
      yield event;
    }
    answer = events;
  }
  return {
    manifest: session.manifest,
    capabilities: session.capabilities,
    run: (request, context) => (answer ? repeated(answer) : recording(request, context)),
    health: () => session.health(),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
};

const repeated = (events: readonly InferenceEvent[]): AsyncIterable<InferenceEvent> => {
  const pieces = events.filter(({ type }) => type === 'text').length;
  return {
    [Symbol.asyncIterator]: () => {
      let next = 0;
      return {
        next: (): Promise<Step> => {
          const value = events[next++];
          if (!value) return Promise.resolve({ done: true, value: undefined });
          const step: Step = { done: false, value };
          const waits = value.type === 'text' || (value.type === 'finish' && pieces > 1);
          return waits ? turn(step) : Promise.resolve(step);
        },
        return: (): Promise<Step> => {
          next = events.length;
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
};
