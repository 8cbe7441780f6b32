import { collect, GolekError, type InferenceEvent, type InferenceRequest, type InferenceResult } from '@golek/api';
import type { ModelSession, Provider, RunContext } from '@golek/providers-spi';
import { expect, onTestFinished } from 'vitest';
import type { Behaviour } from './behaviour.ts';
import { FaultyUpstream } from './faulty-upstream.ts';

/** An upstream of its own for the running test, and a provider for it. */
export interface UpstreamBench<Options extends object> {
  readonly upstream: FaultyUpstream;
  readonly provider: Provider;
  open(location: string, options?: Options): Promise<ModelSession>;
  /** Asks a model of the upstream; the events so far are in `seen`. */
  ask(
    location: string,
    request: InferenceRequest,
    options?: Options,
    seen?: InferenceEvent[],
  ): Promise<InferenceResult>;
}

let ids = 0;

export const contextOf = (signal: AbortSignal = new AbortController().signal): RunContext => ({
  id: `run-${++ids}`,
  signal,
});

/** Starts both; they end with the test. */
export const upstreamBench = async <Options extends object>(
  models: Readonly<Record<string, Behaviour>>,
  providerOf: (upstream: FaultyUpstream) => Provider,
): Promise<UpstreamBench<Options>> => {
  const upstream = await FaultyUpstream.start({ models });
  const provider = providerOf(upstream);
  onTestFinished(async () => {
    await provider[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  const open = (location: string, own?: Options): Promise<ModelSession> =>
    provider.open({ name: 'm', location, options: { ...own } }, { signal: new AbortController().signal });
  return {
    upstream,
    provider,
    open,
    ask: async (location, request, own, seen = []) => {
      const session = await open(location, own);
      return collect(noted(session.run(request, contextOf()), seen));
    },
  };
};

const noted = async function* (
  events: AsyncIterable<InferenceEvent>,
  seen: InferenceEvent[],
): AsyncGenerator<InferenceEvent> {
  for await (const event of events) {
    seen.push(event);
    yield event;
  }
};

/** What the work fails with, which must be a GolekError. */
export const failureOf = async (work: Promise<unknown>): Promise<GolekError> => {
  const outcome = await work.then(
    () => 'an answer',
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(GolekError);
  return outcome as GolekError;
};
