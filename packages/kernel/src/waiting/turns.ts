/** Operations one after the other: each begins when those before it have ended, well or not. */
export class Turns {
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Error | undefined;

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Runs it in its turn; rejects with the reason of `close` when its turn comes after that. */
  take<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      if (this.#closed) throw this.#closed;
      return run();
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Lets nothing begin any more. Resolves when what is in progress has ended. */
  async close(reason: Error): Promise<void> {
    this.#closed ??= reason;
    await this.#tail;
  }
}
