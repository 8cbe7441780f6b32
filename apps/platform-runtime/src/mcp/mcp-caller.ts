import { LOCAL_PRINCIPAL, type Principal } from '@golek/api';
import type { CreateCallOptions } from '@golek/kernel';
import { exchangeCall } from '../http/exchange-call.ts';
import type { Exchange } from '../http/exchange.ts';
import type { OverrideReader } from '../http/request-hints.ts';

/** Who calls a tool or reads a resource, and for how long they are there. */
export interface McpCaller {
  readonly principal: Principal;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
  /** What a run of a model is told beside the request. Throws `invalid_request` for a header that asks for nonsense. */
  readonly callOptions: () => Omit<CreateCallOptions, 'request' | 'signal'>;
}

/** The name of the protocol in telemetry and for plugins. */
const PROTOCOL = 'mcp';

/** The owner of a process that speaks over its own standard input and output. */
export const localCaller = (signal: AbortSignal): McpCaller => ({
  principal: LOCAL_PRINCIPAL,
  signal,
  callOptions: () => ({ principal: LOCAL_PRINCIPAL, protocol: PROTOCOL }),
});

/** Whoever sent an HTTP request, with the hints of its headers. */
export const exchangeCaller = (exchange: Exchange, readOverrides: OverrideReader): McpCaller => ({
  principal: exchange.principal,
  signal: exchange.signal,
  callOptions: () => exchangeCall(exchange, PROTOCOL, readOverrides),
});
