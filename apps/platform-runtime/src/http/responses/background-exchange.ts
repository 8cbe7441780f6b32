import { GolekError } from '@golek/api';
import type { RunExchange } from '../run-request.ts';

/** Stands for an exchange whose run goes on when the exchange is over: it ends with its own controller. */
export class BackgroundExchange implements RunExchange, Disposable {
  readonly id: RunExchange['id'];
  readonly principal: RunExchange['principal'];
  readonly request: RunExchange['request'];
  readonly controller = new AbortController();
  readonly receivedAt = performance.now();
  /** The exchange's own trace ends with it: the run has another one, of the same caller. */
  readonly trace = undefined;
  routeTaken: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ id, principal, request }: Pick<RunExchange, 'id' | 'principal' | 'request'>) {
    this.id = id;
    this.principal = principal;
    this.request = { headers: request.headers };
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  limitTime(ms: number): number {
    const late = new GolekError('deadline_exceeded', `the response was not complete within its ${ms} ms`);
    this.#timer ??= setTimeout(() => this.controller.abort(late), ms);
    return this.receivedAt + ms;
  }

  /** Needed when its run has ended. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
