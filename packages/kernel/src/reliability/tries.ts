import { GolekError, type RouteTaken } from '@golek/api';
import type { RoutingTarget } from '@golek/plugins-api';

interface Try {
  readonly target: RoutingTarget;
  readonly error: GolekError;
  /** It never reached the target. */
  readonly refused: boolean;
}

/** What a call has tried in vain. */
export class Tries {
  readonly #tries: Try[] = [];

  add(target: RoutingTarget, error: GolekError, refused: boolean): void {
    this.#tries.push({ target, error, refused });
  }

  get failed(): RouteTaken['failed'] {
    return this.#tries.map(({ target: { model, provider }, error: { code } }) => ({ model, provider, code }));
  }

  /**
   * What the caller is told when nothing is left to try: the error of the only try as it is; of several, the last one that a later try may cure, of those that
   * reached a target where there are such, with the list of all.
   */
  failure(): GolekError {
    const last = this.#tries.at(-1);
    if (!last) return new GolekError('internal', 'the request reached the dispatch without a target');
    if (this.#tries.length === 1) return last.error;
    const curable = this.#tries.filter(({ error }) => error.retryable);
    const told = curable.findLast(({ refused }) => !refused) ?? curable.at(-1) ?? last;
    const { code, message, details, retryAfter, cause } = told.error;
    const models = new Set(this.#tries.map(({ target }) => target.model));
    const tried = this.#tries.map(({ target: { model }, error }) => `${model} (${error.code})`).join(', ');
    return new GolekError(code, models.size === 1 ? message : `${message}; tried: ${tried}`, {
      cause,
      details: { ...details, attempts: this.failed },
      ...(retryAfter !== undefined && { retryAfter }),
    });
  }
}
