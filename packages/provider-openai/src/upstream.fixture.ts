import type { GenerateRequest, InferenceEvent, InferenceRequest, InferenceResult } from '@golek/api';
import { FAULTS, type Behaviour } from '@golek/faulty-upstream';
import { upstreamBench, type UpstreamBench } from '@golek/faulty-upstream/bench';
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
export interface Bench extends Omit<UpstreamBench<OpenAiModelOptions>, 'ask'> {
  /** Asks a model of the upstream; the events so far are in `seen`. */
  ask(location: string, request?: InferenceRequest, seen?: InferenceEvent[]): Promise<InferenceResult>;
}

export const bench = async (
  options: Partial<OpenAiProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const opened = await upstreamBench<OpenAiModelOptions>(models, (upstream) =>
    createOpenAiProvider({ id: 'faulty', baseUrl: upstream.url, apiKey: 'sk-very-secret', ...options }),
  );
  return {
    ...opened,
    ask: (location, request = chat('one two three four'), seen = []) =>
      opened.ask(location, request, { tasks: ['generate', 'embed'] }, seen),
  };
};
