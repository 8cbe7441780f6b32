import type { InferenceEvent } from '@golek/api';
import { GolekError } from '@golek/api/plain';
import { creditsOf } from './credit.ts';
import type { CreditLedger, Debtor } from './credit-ledger.ts';
import type { RunEvents } from './messages.ts';

/** The consumer's end of a run: what has arrived from the child, at most a window, and how it ends. */
export class RemoteRun implements Debtor {
  readonly id: number;
  owed = 0;
  readonly #ledger: CreditLedger;
  #arrived: InferenceEvent[] = [];
  /** Of `arrived`, what the consumer has. */
  #taken = 0;
  #done = false;
  #failure: GolekError | undefined;
  #wake: (() => void) | undefined;

  constructor(id: number, ledger: CreditLedger) {
    this.id = id;
    this.#ledger = ledger;
  }

  /** True when the child has said everything about the run. */
  get done(): boolean {
    return this.#done;
  }

  receive({ events, done }: RunEvents): void {
    this.#arrived = this.#arrived.length === 0 ? events : [...this.#arrived.slice(this.#taken), ...events];
    this.#taken = 0;
    this.#done = done;
    this.#wake?.();
  }

  /** Ends the run with an error after what has arrived. */
  fail(error: GolekError): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** Ends the run with an error at once. */
  cancel(error: GolekError): void {
    this.#arrived = [];
    this.#taken = 0;
    this.#failure = error;
    this.#wake?.();
  }

  /** The next event, when it is here. Throws the failure in its place. */
  take(): InferenceEvent | undefined {
    const event = this.#arrived[this.#taken];
    if (event === undefined) {
      if (this.#failure) throw this.#failure;
      return undefined;
    }
    if (++this.#taken === this.#arrived.length) {
      this.#arrived = [];
      this.#taken = 0;
    }
    if (event.type === 'error') throw GolekError.fromData(event.error);
    this.#ledger.owe(this, creditsOf(event));
    return event;
  }

  /** Fulfilled at the next change; to be called when `take` has given nothing. */
  async change(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
  }
}
