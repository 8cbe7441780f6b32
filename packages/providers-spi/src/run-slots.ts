import { abortError } from './abort-error.ts';

/** Lets a fixed number of runs work at once; the others wait in the order in which they came. */
export class RunSlots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(size: number) {
    this.#free = size;
  }

  /** True when a slot is free. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  /** True when a slot was free; it is taken then. */
  tryTake(): boolean {
    if (this.#free === 0) return false;
    this.#free--;
    return true;
  }

  /** Waits for a slot. Throws the signal's error when it is aborted first. */
  take(signal: AbortSignal): Promise<void> {
    if (!signal.aborted && this.tryTake()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter);
        reject(abortError(signal));
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      if (signal.aborted) return leave();
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(enter);
    });
  }

  give(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
