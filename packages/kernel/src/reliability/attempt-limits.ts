import { GolekError } from '@golek/api';
import { abortable } from '../waiting/abortable.ts';
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
    const onAbort = (this.#onAbort = (): void => controller.abort(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    if (endsAt !== Infinity) {
      const message = `model '${model}' did not end its answer within ${totalMs ?? 0} ms (timeouts.totalMs)`;
      const leftMs = Math.max(0, endsAt - performance.now());
      this.#total = setTimeout(() => {
        this.#totalPassed = this.#expired === undefined;
        this.#expire(message);
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
      const message = `model '${this.#model}' gave no answer within ${wholeMs} ms (timeouts.wholeMs)`;
      this.#pause = setTimeout(() => this.#expire(message), wholeMs);
    } else if (firstTokenMs !== undefined) {
      const message = `model '${this.#model}' gave no first token within ${firstTokenMs} ms (timeouts.firstTokenMs)`;
      this.#pause = setTimeout(() => this.#expire(message), firstTokenMs);
    }
    return abortable(pending, this.#controller.signal);
  }

  /** The first event has come. */
  began(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    const { betweenTokensMs } = this.#timeouts;
    if (betweenTokensMs === undefined) return;
    const message = `model '${this.#model}' gave no further token within ${betweenTokensMs} ms (timeouts.betweenTokensMs)`;
    this.#pause = setTimeout(() => {
      // A slow consumer is not the target's fault; the next wait starts the timer anew.
      if (this.#waiting) this.#expire(message);
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
  abort(reason: GolekError): void {
    this.#controller?.abort(reason);
  }

  end(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#onAbort) this.#outer.removeEventListener('abort', this.#onAbort);
  }

  #expire(message: string): void {
    this.#expired ??= new GolekError('deadline_exceeded', message, { details: { model: this.#model } });
    this.#controller?.abort(this.#expired);
  }
}
