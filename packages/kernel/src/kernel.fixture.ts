import { type InferenceEvent, type InferenceRequest } from '@golek/api';
import type { PhaseContribution } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import {
  createCall,
  dispatcher,
  Engine,
  ExtensionPoint,
  ModelRegistry,
  routePhase,
  SessionPool,
  type DispatcherOptions,
} from './index.ts';

/** A kernel over one fake provider with the given models, all registered under their location. */
export const kernelOf = async (
  models: Readonly<Record<string, FakeModel>>,
  phases: readonly PhaseContribution[] = [],
  dispatching: Pick<DispatcherOptions, 'guards' | 'observers' | 'outputLimitOf'> = {},
) => {
  const provider = fakeProvider({ models });
  const registry = new ModelRegistry();
  const signal = new AbortController().signal;
  for (const name of Object.keys(models)) {
    const source = { name, location: name };
    registry.register({ source, manifest: await provider.inspect(source, { signal }) });
  }
  const sessions = new SessionPool({
    providers: new ExtensionPoint<Provider>('providers', [provider]),
    failureMemoryMs: 50,
  });
  const contributions = new ExtensionPoint('phases', [routePhase(registry), ...phases]);
  const engine = new Engine({
    phases: contributions,
    dispatch: dispatcher({ models: registry, sessions, ...dispatching }),
  });
  return { provider, registry, sessions, engine, phases: contributions };
};

export const chatOf = (model: string, content = 'hi'): InferenceRequest => ({
  task: 'generate',
  model,
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text: content }] }] },
});

export const callOf = (request: InferenceRequest, signal: AbortSignal = new AbortController().signal) =>
  createCall({ request, signal });

export const eventsOf = async (events: AsyncIterable<InferenceEvent>): Promise<InferenceEvent[]> => {
  const all: InferenceEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
};
