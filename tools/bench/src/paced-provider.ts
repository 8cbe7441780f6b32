import { setImmediate as turn } from 'node:timers/promises';
import type { InferenceEvent, ModelSession, Provider } from '@golek/providers-spi';

/** Makes a provider give each event in a turn of the event loop of its own, as an engine's steps or an upstream's packets come. */
export const paced = (provider: Provider): Provider => ({
  id: provider.id,
  capabilities: provider.capabilities,
  inspect: (source, options) => provider.inspect(source, options),
  open: async (source, options) => pacedSession(await provider.open(source, options)),
  health: () => provider.health(),
  [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
});

const pacedSession = (session: ModelSession): ModelSession => ({
  manifest: session.manifest,
  capabilities: session.capabilities,
  async *run(request, context): AsyncGenerator<InferenceEvent> {
    for await (const event of session.run(request, context)) {
      await turn();
      yield event;
    }
  },
  health: () => session.health(),
  [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
});
