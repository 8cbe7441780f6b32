import { GolekError } from '@golek/providers-spi';

/**
 * Longest that a grammar may take for one token, and for all slow ones of an answer together, milliseconds: the others wait meanwhile. The time grows with the
 * ways in which it can read the same text, which may double with each token.
 */
const LIMIT_MS = 10_000;
/** A token is slow from this part of the limit on; usual ones take some milliseconds. */
const SLOW_PART = 0.05;
/** Calls at once, those included that go on after that. Each keeps one of the four threads that all calls of the binding share: one is left to those that evaluate. */
const MOST_CALLS = 3;
/** Seconds after which a grammar may be tried again. */
const RETRY_AFTER = 30;

/** What one answer has taken. */
export interface DrawAccount {
  /** Milliseconds of its slow tokens. */
  slowMs: number;
}

/** Draws tokens by grammars, and gives up one that takes too long: nothing ends the native call, but the step can go on for the others. */
export class GrammarDraws {
  readonly #limitMs: number;
  readonly #endless = new Set<Promise<void>>();
  /** Calls that have not ended. */
  #calls = 0;
  #waiting: (() => void)[] = [];

  constructor(limitMs = LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  /**
   * Waits for a place first. `onGivenUp`: until the promise resolves, the call goes on with what it was given. Throws `unsupported` for a call that takes too
   * long, `overloaded` while too many such go on.
   */
  async draw(
    call: () => Promise<number>,
    account: DrawAccount,
    onGivenUp: (ended: Promise<void>) => void,
  ): Promise<number> {
    await this.#place();
    const started = performance.now();
    const drawing = call().finally(() => {
      this.#calls--;
      this.#wake();
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), Math.max(0, this.#limitMs - account.slowMs));
    });
    const token = await Promise.race([drawing, late]).finally(() => clearTimeout(timer));
    const ms = performance.now() - started;
    if (ms >= this.#limitMs * SLOW_PART) account.slowMs += ms;
    if (token !== undefined) return token;
    const ended = this.#follow(drawing);
    this.#wake();
    onGivenUp(ended);
    throw new GolekError(
      'unsupported',
      `the grammar or JSON Schema can read the same text in so many ways that its tokens take more than ${this.#limitMs / 1000} s; make its repetitions and alternatives exclude each other`,
    );
  }

  /** Resolves when none of the calls goes on. */
  async ended(): Promise<void> {
    await Promise.all(this.#endless);
  }

  /** Fulfilled in turn: what waits for a place gets it within the limit, or learns that there is none. */
  async #place(): Promise<void> {
    while (this.#calls >= MOST_CALLS) {
      if (this.#endless.size >= MOST_CALLS)
        throw new GolekError(
          'overloaded',
          `${this.#endless.size} earlier grammars still work on one token each; ask without a grammar, or later, when the model's process has been replaced; where it has none of its own, unload the model`,
          { retryAfter: RETRY_AFTER },
        );
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#calls++;
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #follow(drawing: Promise<number>): Promise<void> {
    const ended = drawing.then(
      () => undefined,
      // Its request has been told already.
      () => undefined,
    );
    this.#endless.add(ended);
    void ended.then(() => this.#endless.delete(ended));
    return ended;
  }
}
