import type { InferenceEvent, InferenceRequest, InferenceResult } from '@golek/api';
import { FAULTS, type Behaviour, type FaultyUpstream } from '@golek/faulty-upstream';
import { upstreamBench, type UpstreamBench } from '@golek/faulty-upstream/bench';
import { createOllamaProvider, type OllamaModelOptions, type OllamaProviderOptions } from './index.ts';
import { chat } from './requests.fixture.ts';

export { contextOf, failureOf } from '@golek/faulty-upstream/bench';

/** The address without the version that other protocols have. */
export const rootOf = ({ url }: Pick<FaultyUpstream, 'url'>): string => new URL(url).origin;

/** An upstream of its own for the running test, and a provider for it. */
export interface Bench extends Omit<UpstreamBench<OllamaModelOptions>, 'ask'> {
  /** Asks a model of the upstream; the events so far are in `seen`. */
  ask(location: string, request?: InferenceRequest, seen?: InferenceEvent[]): Promise<InferenceResult>;
}

export const bench = async (
  options: Partial<OllamaProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const opened = await upstreamBench<OllamaModelOptions>(models, (upstream) =>
    createOllamaProvider({ id: 'faulty', baseUrl: rootOf(upstream), apiKey: 'sk-very-secret', ...options }),
  );
  return {
    ...opened,
    ask: (location, request = chat('one two three four'), seen = []) =>
      opened.ask(location, request, { tasks: ['generate', 'embed'] }, seen),
  };
};
