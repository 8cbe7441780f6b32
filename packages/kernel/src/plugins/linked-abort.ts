/** A controller that is also aborted with a signal that lives much longer, until disposed: nothing of an operation stays with that signal. */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #source: AbortSignal;
  readonly #onAbort = (): void => this.#controller.abort(this.#source.reason);

  constructor(source: AbortSignal) {
    this.#source = source;
    if (source.aborted) this.#onAbort();
    else source.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#source.removeEventListener('abort', this.#onAbort);
  }
}
