import type { InferenceEvent, InferenceRequest } from '@golek/api';
import { createCall, type Engine } from '@golek/kernel';
import { exchangeCall, type CallingExchange } from './exchange-call.ts';
import type { Exchange } from './exchange.ts';
import { noted } from './noted-start.ts';
import type { OverrideReader } from './request-hints.ts';

export interface RunDeps {
  readonly engine: Pick<Engine, 'run'>;
  readonly readOverrides: OverrideReader;
}

export interface RunOptions {
  /** The protocol's own limit on each answer where the request names none. */
  readonly defaultMaxTokens?: number | undefined;
  /** The answer is collected: nothing of it is read before its end. */
  readonly whole?: boolean;
}

/** What of an exchange its run needs; a run that outlives the exchange has its own. */
export type RunExchange = CallingExchange & Pick<Exchange, 'controller' | 'signal' | 'routeTaken'>;

/** Runs a request for the caller of an exchange: its id, principal, signal, trace and hints are the call's. */
export type RunRequest = (
  exchange: RunExchange,
  request: InferenceRequest,
  options?: RunOptions,
) => AsyncIterable<InferenceEvent>;

/** `protocol`: its name in telemetry and for plugins. */
export const requestRunner =
  ({ engine, readOverrides }: RunDeps, protocol: string): RunRequest =>
  (exchange, request, { defaultMaxTokens, whole } = {}) => {
    const call = createCall({
      ...exchangeCall(exchange, protocol, readOverrides),
      request,
      signal: exchange.signal,
      defaultMaxTokens,
      whole,
    });
    return noted(engine.run(call, exchange.controller), exchange);
  };
