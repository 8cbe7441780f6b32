import {
  collect,
  GolekError,
  type GenerateRequest,
  type InferenceEvent,
  type InferenceRequest,
  type InferenceResult,
} from '@golek/api';
import { FAULTS, startFaultyUpstream, type Behaviour, type FaultyUpstream } from '@golek/faulty-upstream';
import type { ModelSession, Provider, RunContext } from '@golek/providers-spi';
import { expect, onTestFinished } from 'vitest';
import { createAnthropicProvider, type AnthropicModelOptions, type AnthropicProviderOptions } from './index.ts';

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
interface Bench {
  readonly upstream: FaultyUpstream;
  readonly provider: Provider;
  open(location: string, options?: AnthropicModelOptions): Promise<ModelSession>;
  ask(location: string, request?: InferenceRequest, options?: AnthropicModelOptions): Promise<InferenceResult>;
}

let ids = 0;

export const contextOf = (signal: AbortSignal = new AbortController().signal): RunContext => ({
  id: `run-${++ids}`,
  signal,
});

export const bench = async (
  options: Partial<AnthropicProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const upstream = await startFaultyUpstream({ models });
  const provider = createAnthropicProvider({
    id: 'faulty',
    baseUrl: upstream.url,
    apiKey: 'sk-very-secret',
    ...options,
  });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const open = (location: string, own: AnthropicModelOptions = {}): Promise<ModelSession> =>
    provider.open({ name: 'm', location, options: { ...own } }, { signal: new AbortController().signal });
  return {
    upstream,
    provider,
    open,
    ask: async (location, request = chat('one two three four'), own = {}) => {
      const session = await open(location, own);
      return collect(session.run(request, contextOf()));
    },
  };
};

export const failureOf = async (work: Promise<unknown>): Promise<GolekError> => {
  const outcome = await work.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(GolekError);
  return outcome as GolekError;
};

export const eventsFrom = async function* (events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
};
