import { GolekError } from '@golek/api';
import type { TimeoutPolicy } from './target-policy.ts';

export interface AttemptLimitsOptions {
  /** Stands in errors. */
  readonly model: string;
  readonly signal: AbortSignal;
  readonly timeouts: TimeoutPolicy;
  /** When the call's time on this target ends, milliseconds of `performance.now()`; Infinity: never. */
  readonly endsAt: number;
  /** The attempt may be ended while the call goes on. */
  readonly detached: boolean;
}

/**
 * The time limits of one attempt, and its signal. Without limits it is the call's own signal and costs nothing. One timer stands for all pauses between
 * events: it is refreshed, not made anew.
 */
export class AttemptLimits {
  readonly signal: AbortSignal;
  readonly #outer: AbortSignal;
  readonly #model: string;
  readonly #timeouts: TimeoutPolicy;
  readonly #controller: AbortController | undefined;
  readonly #onAbort: (() => void) | undefined;
  /** Rejects the wait for the first event. */
  #interrupt: ((reason: unknown) => void) | undefined;
  #total: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #waiting = false;
  #expired: GolekError | undefined;
  #totalPassed = false;

  constructor({ model, signal, timeouts, endsAt, detached }: AttemptLimitsOptions) {
    const { firstTokenMs, betweenTokensMs, wholeMs, totalMs } = timeouts;
    this.#outer = signal;
    this.#model = model;
    this.#timeouts = timeouts;
    const unlimited = (firstTokenMs ?? betweenTokensMs ?? wholeMs) === undefined && endsAt === Infinity;
    if (!detached && unlimited) {
      this.signal = signal;
      return;
    }
    const controller = (this.#controller = new AbortController());
    this.signal = controller.signal;
    const onAbort = (this.#onAbort = (): void => this.abort(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    if (endsAt !== Infinity) {
      const leftMs = Math.max(0, endsAt - performance.now());
      this.#total = setTimeout(() => {
        this.#totalPassed = this.#expired === undefined;
        this.#expire('did not end its answer', totalMs ?? 0, 'totalMs');
      }, leftMs);
    }
  }

  /** The error of the limit that has passed. */
  get expired(): GolekError | undefined {
    return this.#expired;
  }

  /** The limit that has passed is the one of the whole call on the target. */
  get totalPassed(): boolean {
    return this.#totalPassed;
  }

  /** Waits for the first event, at most `wholeMs` where it is the whole answer; does not depend on the provider's heeding the signal. */
  first<T>(pending: Promise<T>, wholeMs: number | undefined): Promise<T> {
    if (!this.#controller) return pending;
    const { firstTokenMs } = this.#timeouts;
    if (wholeMs !== undefined) {
      this.#pause = setTimeout(() => this.#expire('gave no answer', wholeMs, 'wholeMs'), wholeMs);
    } else if (firstTokenMs !== undefined) {
      this.#pause = setTimeout(() => this.#expire('gave no first token', firstTokenMs, 'firstTokenMs'), firstTokenMs);
    }
    return new Promise<T>((resolve, reject) => {
      // Not by a listener of its own signal: an event target, its event and a second promise would cost more than the rest of this class.
      this.#interrupt = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      pending.then(resolve, reject);
    });
  }

  /** The first event has come. */
  began(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    const { betweenTokensMs } = this.#timeouts;
    if (betweenTokensMs === undefined) return;
    this.#pause = setTimeout(() => {
      // A slow consumer is not the target's fault; the next wait starts the timer anew.
      if (this.#waiting) this.#expire('gave no further token', betweenTokensMs, 'betweenTokensMs');
    }, betweenTokensMs);
  }

  /** The consumer waits for the next event. */
  wait(): void {
    if (!this.#pause) return;
    this.#waiting = true;
    this.#pause.refresh();
  }

  /** An event has come. */
  came(): void {
    this.#waiting = false;
  }

  /** Ends the attempt, not the call. */
  abort(reason: unknown): void {
    this.#controller?.abort(reason);
    this.#interrupt?.(reason);
  }

  end(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#onAbort) this.#outer.removeEventListener('abort', this.#onAbort);
  }

  #expire(what: string, ms: number, limit: keyof TimeoutPolicy): void {
    const model = this.#model;
    const message = `model '${model}' ${what} within ${ms} ms (timeouts.${limit})`;
    this.#expired ??= new GolekError('deadline_exceeded', message, { details: { model } });
    this.abort(this.#expired);
  }
}
