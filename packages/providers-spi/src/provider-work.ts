import { GolekError } from '@golek/api/plain';
import type { ErrorCode } from '@golek/api';

/** The work of a provider that runs models in this process: it ends with its caller or with the provider, with what either says. */
export class ProviderWork {
  readonly #id: string;
  readonly #codeOf: (thrown: unknown) => ErrorCode;
  readonly #closing = new AbortController();
  /** Loads one after the other: each looks at the memory that the one before has left. */
  #lastLoad: Promise<unknown> = Promise.resolve();

  /** `codeOf`: for errors that are no GolekError. */
  constructor(id: string, codeOf: (thrown: unknown) => ErrorCode) {
    this.#id = id;
    this.#codeOf = codeOf;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async run<T>(signal: AbortSignal, work: (ends: AbortSignal) => Promise<T>): Promise<T> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    try {
      ends.throwIfAborted();
      return await work(ends);
    } catch (thrown) {
      if (thrown instanceof GolekError) throw thrown;
      if (ends.aborted) throw GolekError.from(ends.reason, 'cancelled');
      throw GolekError.from(thrown, this.#codeOf(thrown));
    }
  }

  /** The same, after the loads that were asked for before. */
  load<T>(signal: AbortSignal, work: (ends: AbortSignal) => Promise<T>): Promise<T> {
    return this.run(signal, (ends) => {
      const load = this.#lastLoad.then(() => work(ends));
      this.#lastLoad = load.catch(() => undefined);
      return load;
    });
  }

  /** Ends all work with `shutting_down` and waits for the loads. */
  async close(): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', `provider '${this.#id}' is closed`));
    await this.#lastLoad;
  }
}
