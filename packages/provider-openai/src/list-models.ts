import { bodyText } from './body-text.ts';
import { asList, asObject, asText } from './json.ts';
import { transportFailure } from './transport-failure.ts';
import type { Upstream } from './upstream.ts';
import { malformedFailure, statusFailure } from './upstream-failure.ts';

const ERROR_BYTES = 64 * 1024;

/** Names of the models that an upstream says it has. Throws GolekError. */
export const listUpstreamModels = async (upstream: Upstream, signal: AbortSignal): Promise<readonly string[]> => {
  const exchange = upstream.send({ method: 'GET', path: '/models', accept: 'application/json' });
  const onAbort = (): void => exchange.cancel(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const head = await exchange.head();
    const context = upstream.failureContext();
    if (head.status !== 200) throw statusFailure(head, await bodyText(exchange, ERROR_BYTES), context);
    const text = await bodyText(exchange);
    const data = asObject(parsed(text))?.['data'];
    if (!Array.isArray(data)) throw malformedFailure('no list of models', text, context);
    return asList(data).flatMap((model) => asText(asObject(model)?.['id']) ?? []);
  } catch (thrown) {
    const error = transportFailure(thrown, upstream.id, upstream.host);
    exchange.cancel(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
