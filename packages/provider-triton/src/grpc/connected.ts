import { connectivityState, type Client } from '@grpc/grpc-js';
import { GolekError } from '@golek/providers-spi';

/** States in which a call is answered at once, be it by a refusal. */
const SETTLED = new Set([connectivityState.READY, connectivityState.TRANSIENT_FAILURE, connectivityState.SHUTDOWN]);

/** True for a channel whose last attempt to connect failed and that does not try again yet. */
export const isFailing = (client: Client): boolean =>
  client.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;

/**
 * Waits until the channel has its connection, or knows that it cannot have it: the library itself would wait as long as the call may take. Throws `provider_failed` after
 * `limitMs`, and the signal's reason.
 */
export const connected = async (client: Client, limitMs: number, signal: AbortSignal, where: string): Promise<void> => {
  const channel = client.getChannel();
  const until = Date.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (SETTLED.has(state)) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const leave = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    channel.watchConnectivityState(state, until, (late) => {
      if (late)
        reject(
          new GolekError('provider_failed', `${where} could not be connected to within ${limitMs} ms`, { cause: late }),
        );
      else resolve(undefined);
    });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }
};
