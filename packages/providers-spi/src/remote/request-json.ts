import { GolekError } from '@golek/api/plain';
import { bodyText } from './body-bytes.ts';
import { parseJson } from './json.ts';
import { transportFailure } from './transport-failure.ts';
import { malformedFailure, statusFailure } from './upstream-failure.ts';
import type { Outgoing, Upstream } from './upstream.ts';

/** Error objects are small; a web page need not be read to its end. */
const ERROR_BYTES = 64 * 1024;
/** Lists and descriptions are far smaller; each is parsed in one piece. */
const ANSWER_BYTES = 16 * 1024 * 1024;

/** Sends a request outside runs, such as one for a list of models, and gives the JSON of its answer. Throws GolekError. */
export const requestJson = async (...asked: Parameters<typeof requestText>): Promise<unknown> => {
  const text = await requestText(...asked);
  const json = parseJson(text);
  if (json !== undefined) return json;
  const [upstream, , , model] = asked;
  throw malformedFailure('broken JSON', text, upstream.failureContext(model));
};

/** The same for an answer that may be empty. */
export const requestText = async (
  upstream: Upstream,
  outgoing: Omit<Outgoing, 'accept'>,
  signal: AbortSignal,
  model?: string,
): Promise<string> => {
  const exchange = upstream.send({ maxBytes: ANSWER_BYTES, ...outgoing, accept: 'application/json' });
  const onAbort = (): void => exchange.cancel(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const head = await exchange.head();
    const context = upstream.failureContext(model);
    if (head.status !== 200) throw statusFailure(head, await bodyText(exchange, ERROR_BYTES), context);
    return await bodyText(exchange);
  } catch (thrown) {
    const error = signal.aborted
      ? GolekError.from(signal.reason, 'cancelled')
      : transportFailure(thrown, upstream.id, upstream.host);
    exchange.cancel(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
