import type { CreateCallOptions } from '@golek/kernel';
import type { Exchange } from './exchange.ts';
import { readHints, type OverrideReader } from './request-hints.ts';

/** What of an exchange says how its caller's requests run. */
export type CallingExchange = Pick<Exchange, 'id' | 'principal' | 'receivedAt' | 'trace' | 'limitTime'> & {
  readonly request: Pick<Exchange['request'], 'headers'>;
};

/**
 * What a call takes from the exchange that asks for it: its id, principal, trace, and what its headers ask for. `protocol`: its name in telemetry and for plugins. Throws
 * `invalid_request` for a header that asks for nonsense.
 */
export const exchangeCall = (
  exchange: CallingExchange,
  protocol: string,
  readOverrides: OverrideReader,
): Omit<CreateCallOptions, 'request' | 'signal'> => {
  const { id, principal, receivedAt, trace } = exchange;
  const { headers } = exchange.request;
  const { traceparent } = headers;
  const { hints, priority, timeoutMs, overrides } = readHints(headers, readOverrides);
  return {
    principal,
    id,
    protocol,
    receivedAt,
    trace,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    hints,
    priority,
    deadline: timeoutMs === undefined ? undefined : exchange.limitTime(timeoutMs),
    overrides,
  };
};
