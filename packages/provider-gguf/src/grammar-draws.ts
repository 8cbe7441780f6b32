import { GolekError } from '@golek/providers-spi';

/** Longest that a grammar may take for one token, milliseconds. The time grows with the ways in which it can read the same text, which may double with each token. */
const LIMIT_MS = 10_000;
/** Calls that may go on after that. Each keeps one of the four threads that all calls of the binding share. */
const MOST_ENDLESS = 2;
/** Seconds after which a grammar may be tried again. */
const RETRY_AFTER = 30;

/** Draws tokens by grammars, and gives up one that takes too long: nothing ends the native call, but the step can go on for the others. */
export class GrammarDraws {
  readonly #limitMs: number;
  readonly #endless = new Set<Promise<void>>();

  constructor(limitMs = LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  /** `onGivenUp`: until the promise resolves, the call goes on with what it was given. Throws `unsupported` for a call that takes too long, `overloaded` while too many such go on. */
  async draw(call: () => Promise<number>, onGivenUp: (ended: Promise<void>) => void): Promise<number> {
    if (this.#endless.size >= MOST_ENDLESS)
      throw new GolekError(
        'overloaded',
        `${this.#endless.size} earlier grammars still work on one token each; ask without a grammar, or unload the model, which ends them`,
        { retryAfter: RETRY_AFTER },
      );
    const drawing = call();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#limitMs);
    });
    const token = await Promise.race([drawing, late]).finally(() => clearTimeout(timer));
    if (token !== undefined) return token;
    const ended = this.#follow(drawing);
    onGivenUp(ended);
    throw new GolekError(
      'unsupported',
      `the grammar or JSON Schema can read the same text in so many ways that one token takes more than ${this.#limitMs / 1000} s; make its repetitions and alternatives exclude each other`,
    );
  }

  /** Resolves when none of the calls goes on. */
  async ended(): Promise<void> {
    await Promise.all(this.#endless);
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
