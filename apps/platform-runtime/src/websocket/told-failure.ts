import { GolekError } from '@golek/api';
import type { Log } from '@golek/plugins-api';

/** A failure as it is told. One that nobody has foreseen goes to the log with its cause, and is told without it. */
export const toldFailure = (thrown: unknown, log: Log, fields: object): GolekError => {
  if (thrown instanceof GolekError) return thrown;
  log.error({ ...fields, err: thrown }, 'a request failed in the WebSocket server');
  return new GolekError('internal', 'the server failed on this request; its log has the cause', { cause: thrown });
};
