import type { GenerateRequest, InferenceEvent, InferenceRequest, InferenceResult } from '@golek/api';
import { FAULTS, type Behaviour } from '@golek/faulty-upstream';
import { upstreamBench, type UpstreamBench } from '@golek/faulty-upstream/bench';
import type { ModelSession } from '@golek/providers-spi';
import { createOpenAiProvider, type OpenAiModelOptions, type OpenAiProviderOptions } from './index.ts';

export { contextOf, failureOf } from '@golek/faulty-upstream/bench';

export const chat = (text: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'chat', messages: [{ role: 'user', content: [{ type: 'text', text }] }] },
  ...rest,
});

export const complete = (prompt: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: { type: 'text', prompt },
  ...rest,
});

/** An upstream of its own for the running test, and a provider for it. */
export interface Bench extends Omit<UpstreamBench<OpenAiModelOptions>, 'ask' | 'open'> {
  open(location: string): Promise<ModelSession>;
  /** Asks a model of the upstream; the events so far are in `seen`. */
  ask(location: string, request?: InferenceRequest, seen?: InferenceEvent[]): Promise<InferenceResult>;
}

export const APIS = ['chat', 'responses'] as const;

export const bench = async (
  options: Partial<OpenAiProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
  api: OpenAiModelOptions['api'] = 'chat',
): Promise<Bench> => {
  const opened = await upstreamBench<OpenAiModelOptions>(models, (upstream) =>
    createOpenAiProvider({ id: 'faulty', baseUrl: upstream.url, apiKey: 'sk-very-secret', ...options }),
  );
  return {
    ...opened,
    open: (location) => opened.open(location, { api }),
    ask: (location, request = chat('one two three four'), seen = []) =>
      opened.ask(location, request, { api, tasks: ['generate', 'embed'] }, seen),
  };
};

export const eventsFrom = async function* (events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
};
