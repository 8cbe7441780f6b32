import type { GenerateRequest, InferenceEvent, InferenceRequest, InferenceResult } from '@golek/api';
import { FAULTS, type Behaviour } from '@golek/faulty-upstream';
import { upstreamBench, type UpstreamBench } from '@golek/faulty-upstream/bench';
import { createAnthropicProvider, type AnthropicModelOptions, type AnthropicProviderOptions } from './index.ts';

export { contextOf, failureOf } from '@golek/faulty-upstream/bench';

export type ChatInput = Extract<GenerateRequest['input'], { type: 'chat' }>;

export const chatInput = (text: string, rest: Partial<ChatInput> = {}): ChatInput => ({
  type: 'chat',
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
  ...rest,
});

export const chat = (text: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
  task: 'generate',
  model: 'm',
  input: chatInput(text),
  ...rest,
});

/** An upstream of its own for the running test, and a provider for it. */
interface Bench extends Omit<UpstreamBench<AnthropicModelOptions>, 'ask'> {
  ask(location: string, request?: InferenceRequest, options?: AnthropicModelOptions): Promise<InferenceResult>;
}

export const bench = async (
  options: Partial<AnthropicProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const opened = await upstreamBench<AnthropicModelOptions>(models, (upstream) =>
    createAnthropicProvider({ id: 'faulty', baseUrl: upstream.url, apiKey: 'sk-very-secret', ...options }),
  );
  return {
    ...opened,
    ask: (location, request = chat('one two three four'), own = {}) => opened.ask(location, request, own),
  };
};

export const eventsFrom = async function* (events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
};
