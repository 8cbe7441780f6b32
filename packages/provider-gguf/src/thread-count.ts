import type { SessionThreads } from '@golek/providers-spi';

/** How many threads the contexts of one model evaluate with. Each context applies a change before its next step. */
export class ThreadCount implements SessionThreads {
  readonly most: number;
  #now: number;
  #onChange: ((count: number) => void) | undefined;

  constructor(most: number) {
    this.most = most;
    this.#now = most;
  }

  /** For contexts that cannot look before each step. */
  set onChange(tell: (count: number) => void) {
    this.#onChange = tell;
  }

  get now(): number {
    return this.#now;
  }

  use(count: number): void {
    this.#now = Math.min(this.most, Math.max(1, Math.floor(count)));
    this.#onChange?.(this.#now);
  }
}
