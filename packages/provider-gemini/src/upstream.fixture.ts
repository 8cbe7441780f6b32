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
import { createGeminiProvider, type GeminiModelOptions, type GeminiProviderOptions } from './index.ts';

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

/** The address of an upstream for this protocol. */
export const geminiUrl = (upstream: FaultyUpstream): string => upstream.url.replace(/\/v1$/, '/v1beta');

/** An upstream of its own for the running test, and a provider for it. */
interface Bench {
  readonly upstream: FaultyUpstream;
  readonly provider: Provider;
  open(location: string, options?: GeminiModelOptions): Promise<ModelSession>;
  ask(location: string, request?: InferenceRequest, options?: GeminiModelOptions): Promise<InferenceResult>;
}

let ids = 0;

export const contextOf = (signal: AbortSignal = new AbortController().signal): RunContext => ({
  id: `run-${++ids}`,
  signal,
});

export const bench = async (
  options: Partial<GeminiProviderOptions> = {},
  models: Readonly<Record<string, Behaviour>> = FAULTS,
): Promise<Bench> => {
  const upstream = await startFaultyUpstream({ models });
  const provider = createGeminiProvider({
    id: 'faulty',
    baseUrl: geminiUrl(upstream),
    ...(options.apiKeys === undefined && { apiKey: 'sk-very-secret' }),
    ...options,
  });
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const open = (location: string, own: GeminiModelOptions = {}): Promise<ModelSession> =>
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
