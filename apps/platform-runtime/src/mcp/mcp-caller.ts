import { LOCAL_PRINCIPAL, type Principal } from '@golek/api';
import type { CreateCallOptions } from '@golek/kernel';
import type { Exchange } from '../http/exchange.ts';
import { readHints, type OverrideReader } from '../http/request-hints.ts';

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
  callOptions: () => {
    const { id, principal, receivedAt, trace } = exchange;
    const { headers } = exchange.request;
    const { traceparent } = headers;
    const { hints, priority, timeoutMs, overrides } = readHints(headers, readOverrides);
    return {
      id,
      principal,
      protocol: PROTOCOL,
      receivedAt,
      trace,
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      hints,
      priority,
      deadline: timeoutMs === undefined ? undefined : exchange.limitTime(timeoutMs),
      overrides,
    };
  },
});
