import type { GolekError } from '@golek/api/plain';
import type { Health } from '../provider.ts';

/** So many failures in a row, and it is down. */
const DOWN_AFTER = 3;

/** Without an outcome for so long nobody knows whether it is still down, milliseconds. */
const REMEMBERED_MS = 30_000;

/** Health by what the last requests came to. Nothing is asked for it. */
export class UpstreamHealth {
  #failures = 0;
  #last: { readonly error: GolekError; readonly at: number } | undefined;

  /** Takes the outcome of a request. A refusal that is the request's own fault shows that the upstream works. */
  report(failure: GolekError | undefined): void {
    if (!failure || !failure.elsewhere || failure.status < 500) {
      this.#failures = 0;
      this.#last = undefined;
      return;
    }
    this.#failures++;
    this.#last = { error: failure, at: performance.now() };
  }

  get current(): Health {
    if (!this.#last) return { status: 'ok' };
    const down = this.#failures >= DOWN_AFTER && performance.now() - this.#last.at < REMEMBERED_MS;
    return { status: down ? 'down' : 'degraded', reason: this.#last.error.message };
  }
}
