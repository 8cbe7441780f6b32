import { setTimeout as sleep } from 'node:timers/promises';
import { GolekError } from '@golek/api';
import type { Log } from '@golek/plugins-api';
import { askList, type ListingUpstream } from './ask-list.ts';
import type { Selection } from './select-listed.ts';

/** Longest time for one list, all its pages together, milliseconds. */
const LIST_LIMIT_MS = 20_000;
/** How long a start waits for the first lists: a service that is away must not keep the others, milliseconds. */
const START_LIMIT_MS = 2_000;
/** After a failure the list is asked for so soon, then ever later up to `refreshMs`, milliseconds. */
const FIRST_RETRY_MS = 1_000;
/** Part of an interval by which it differs at random, so that many servers do not ask in step. */
const JITTER = 0.1;

/** How an upstream's list stands. */
export interface UpstreamListStatus {
  readonly upstream: string;
  /** The latest list that could be read. */
  readonly selection?: Selection;
  readonly listedAt?: Date;
  /** Why the list could not be read the last time. */
  readonly failure?: GolekError;
}

interface Entry extends ListingUpstream {
  status: UpstreamListStatus;
  failures: number;
}

export interface UpstreamListsOptions {
  readonly upstreams: readonly ListingUpstream[];
  readonly log: Log;
}

/** The lists of models of upstreams, asked for again and again while the platform works. A list that cannot be read leaves the one before as it is. */
export class UpstreamLists implements AsyncDisposable {
  readonly #entries: readonly Entry[];
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #following: Promise<unknown> = Promise.resolve();

  constructor({ upstreams, log }: UpstreamListsOptions) {
    this.#entries = upstreams.map((upstream) => ({
      ...upstream,
      status: { upstream: upstream.provider.id },
      failures: 0,
    }));
    this.#log = log;
  }

  get states(): readonly UpstreamListStatus[] {
    return this.#entries.map(({ status }) => status);
  }

  /** What is to be served of each list that is known. */
  get selections(): readonly Selection[] {
    return this.#entries.flatMap(({ status }) => status.selection ?? []);
  }

  /**
   * Begins to ask. `onList` is called after each list that was read, and awaited before the next of the same upstream. Resolves when every upstream was asked once, or after two
   * seconds; does not throw.
   */
  async follow(onList: (upstream: string) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#entries.length === 0) return;
    const first = this.#entries.map(() => Promise.withResolvers<true>());
    this.#following = Promise.all(
      this.#entries.map((entry, index) => this.#follow(entry, onList, () => first[index]?.resolve(true))),
    );
    const waited = new AbortController();
    const limit = sleep(START_LIMIT_MS, undefined, { signal: AbortSignal.any([signal, waited.signal]) });
    await Promise.race([Promise.all(first.map(({ promise }) => promise)), limit.catch(() => undefined)]);
    waited.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    await this.#following;
  }

  async #follow(entry: Entry, onList: (upstream: string) => Promise<void>, onAsked: () => void): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (await this.#ask(entry)) await onList(entry.provider.id);
      onAsked();
      const { refreshMs } = entry.settings;
      const plain = entry.failures === 0 ? refreshMs : Math.min(refreshMs, FIRST_RETRY_MS * 2 ** (entry.failures - 1));
      const delay = plain * (1 + JITTER * (2 * Math.random() - 1));
      await sleep(delay, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns whether the list was read. */
  async #ask(entry: Entry): Promise<boolean> {
    const { signal } = this.#stopping;
    const upstream = entry.provider.id;
    try {
      const selection = await askList(entry, LIST_LIMIT_MS, signal);
      if (entry.failures > 0) this.#log.info({ upstream }, 'the list of models can be read again');
      entry.failures = 0;
      entry.status = { upstream, selection, listedAt: new Date() };
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      const failure = GolekError.from(thrown);
      if (entry.failures === 0) {
        const known = entry.status.selection?.models.length ?? 0;
        this.#log.warn(
          { upstream, code: failure.code, known },
          `the list of models cannot be read: ${failure.message}`,
        );
      }
      entry.failures = Math.min(entry.failures + 1, 30);
      entry.status = { ...entry.status, failure };
      return false;
    }
  }
}
