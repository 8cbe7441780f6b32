import { once } from 'node:events';
import { GolekError } from '@golek/api';
import type { StreamTarget } from './event-stream.ts';

/**
 * Waits until a client that did not keep up has read enough of its answer. Throws the signal's reason; ends the exchange when the client takes longer than
 * `writeTimeoutMs`.
 */
export const drained = async (
  exchange: Pick<StreamTarget, 'response' | 'signal' | 'abort'>,
  writeTimeoutMs: number,
): Promise<void> => {
  const { signal, response } = exchange;
  const timer = setTimeout(() => {
    exchange.abort(
      new GolekError(
        'cancelled',
        `the client read nothing of its answer for ${writeTimeoutMs} ms; the connection is cut`,
      ),
    );
    response.destroy();
  }, writeTimeoutMs);
  try {
    await once(response, 'drain', { signal });
  } catch (thrown) {
    throw signal.aborted ? signal.reason : thrown;
  } finally {
    clearTimeout(timer);
  }
};
