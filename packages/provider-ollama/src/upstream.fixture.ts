import { collect, type InferenceEvent, type InferenceRequest, type InferenceResult } from '@golek/api';
import { FAULTS, startFaultyUpstream, type Behaviour, type FaultyUpstream } from '@golek/faulty-upstream';
import type { ModelSession, Provider, RunContext } from '@golek/providers-spi';
import { onTestFinished } from 'vitest';
import { createOllamaProvider, type OllamaModelOptions, type OllamaProviderOptions } from './index.ts';
import { chat } from './requests.fixture.ts';

/** The address without the version that other protocols have. */
export const rootOf = ({ url }: Pick<FaultyUpstream, 'url'>): string => new URL(url).origin;

/** An upstream of its own for the running test, and a provider for it. */
export interface Bench {
  readonly upstream: FaultyUpstream;
  readonly provider: Provider;
  open(location: string, options?: OllamaModelOptions): Promise<ModelSession>;
  /** Asks a model of the upstream; the events so far are in `seen`. */
  ask(location: string, request?: InferenceRequest, seen?: InferenceEvent[]): Promise<InferenceResult>;
}

let ids = 0;

export const contextOf = (signal: AbortSignal = new AbortController().signal): RunContext => ({
  id: `run-${++ids}`,
  signal,
});

export const bench = async (
  options: Partial<OllamaProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const upstream = await startFaultyUpstream({ models });
  const provider = createOllamaProvider({
    id: 'faulty',
    baseUrl: rootOf(upstream),
    apiKey: 'sk-very-secret',
    ...options,
  });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const open = (location: string, own: OllamaModelOptions = {}): Promise<ModelSession> =>
    provider.open({ name: 'm', location, options: { ...own } }, { signal: new AbortController().signal });
  return {
    upstream,
    provider,
    open,
    ask: async (location, request = chat('one two three four'), seen = []) => {
      const session = await open(location, { tasks: ['generate', 'embed'] });
      const events = session.run(request, contextOf());
      return collect(
        (async function* () {
          for await (const event of events) {
            seen.push(event);
            yield event;
          }
        })(),
      );
    },
  };
};
