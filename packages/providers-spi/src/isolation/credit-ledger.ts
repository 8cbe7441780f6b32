/** What a run's consumer has taken and the child was not told yet. */
export interface Debtor {
  readonly id: number;
  owed: number;
}

/** Gathers the credits that consumers give back and returns those of all runs in one message. */
export class CreditLedger {
  readonly #threshold: number;
  readonly #send: (grants: readonly number[]) => void;
  #debtors: Debtor[] = [];

  /** Half of a window at a time: the child goes on meanwhile with the other half. */
  constructor(window: number, send: (grants: readonly number[]) => void) {
    this.#threshold = Math.max(1, window >> 1);
    this.#send = send;
  }

  owe(debtor: Debtor, credits: number): void {
    const before = debtor.owed;
    debtor.owed += credits;
    if (before >= this.#threshold || debtor.owed < this.#threshold) return;
    if (this.#debtors.push(debtor) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const debtors = this.#debtors;
    this.#debtors = [];
    const grants: number[] = [];
    for (const debtor of debtors) {
      grants.push(debtor.id, debtor.owed);
      debtor.owed = 0;
    }
    this.#send(grants);
  };
}
