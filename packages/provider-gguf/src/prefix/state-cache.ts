import { rm } from 'node:fs/promises';
import type { Log } from '@golek/providers-spi';
import type { CellAccess, PrefixStore, SavedPrefix } from '../scheduler/prefix-store.ts';
import { RadixIndex } from './radix-index.ts';
import { whyWrongState } from './state-check.ts';
import { digestFile, fileIdentity } from './state-digest.ts';
import type { StateFolder, StoredState } from './state-folder.ts';
import type { StateLayout } from './state-layout.ts';

export interface StateCacheOptions {
  readonly folder: StateFolder;
  /** Of model, engine and settings. */
  readonly fingerprint: string;
  /** Of the states of this model and context. */
  readonly layout: StateLayout;
  /** States of this model serve only prompts that begin with all of them. Also found out by itself. */
  readonly uncut?: boolean;
  readonly log?: Log | undefined;
}

/** First guess of how fast a state is read, milliseconds for each byte; measured from then on. */
const MS_PER_BYTE = 2e-6;
/** Finished states that may wait to be checked and moved into place; more are not saved. */
const MOST_UNFINISHED = 2;
/** After a failed save, such as on a full disk. */
const PAUSE_AFTER_FAILURE_MS = 60_000;

/** A state that this process knows. */
interface State {
  readonly stored: StoredState;
  /** Of the file when its digest was found right; undefined: not checked by this process. */
  identity: string | undefined;
  checking: Promise<void> | undefined;
}

/** A state that is being moved into place. */
interface Unfinished {
  readonly space: string;
  readonly tokens: Uint32Array;
  readonly done: Promise<void>;
}

/**
 * The saved states of one model: which there are, the longest for a prompt, saving and restoring. A state of another model, engine or setting has another
 * fingerprint and is not seen. One whose digest does not match, or that is not laid out as the engine's own, is deleted, with a line in the log, before llama.cpp could read it; one that
 * cannot be gone on from, before anything is evaluated.
 */
export class StateCache {
  readonly #folder: StateFolder;
  readonly #fingerprint: string;
  readonly #layout: StateLayout;
  readonly #log: Log | undefined;
  readonly #index = new RadixIndex<State>();
  readonly #states = new Map<string, State>();
  readonly #unfinished = new Set<Unfinished>();
  #lastKeep: Promise<void> = Promise.resolve();
  #msPerByte = MS_PER_BYTE;
  #bytesPerToken = 0;
  #pausedUntil = 0;
  #restoredTokens = 0;
  #uncut: boolean;

  private constructor({ folder, fingerprint, layout, uncut = false, log }: StateCacheOptions) {
    this.#folder = folder;
    this.#fingerprint = fingerprint;
    this.#layout = layout;
    this.#uncut = uncut;
    this.#log = log;
  }

  /** Finds the states that earlier processes left. Throws when the folder cannot be made or read. */
  static async open(options: StateCacheOptions): Promise<StateCache> {
    const cache = new StateCache(options);
    for (const stored of await options.folder.list(options.fingerprint)) cache.#add(stored, undefined);
    return cache;
  }

  get load(): Required<PrefixStore>['load'] {
    let savedBytes = 0;
    for (const { stored } of this.#states.values()) savedBytes += stored.bytes;
    return { savedStates: this.#states.size, savedBytes, restoredTokens: this.#restoredTokens };
  }

  /** What a state has restored cannot be cut: it serves only prompts that begin with all of it. */
  get uncut(): boolean {
    return this.#uncut;
  }

  /** The state that gives most of a prompt, but at least `least` tokens; of equal ones the smallest. */
  find(space: string, prompt: Uint32Array, least: number): SavedPrefix | undefined {
    let best: State | undefined;
    let length = least - 1;
    for (const match of this.#index.matches(space, prompt)) {
      // The last token of a prompt is always evaluated, to have logits.
      const most = Math.min(match.shared, prompt.length - 1);
      const usable = this.#uncut && match.length > most ? 0 : most;
      if (usable > length || (usable === length && best && match.holder.stored.bytes < best.stored.bytes)) {
        best = match.holder;
        length = usable;
      } else if (match.shared < length) break;
    }
    return best && this.#offer(best, length);
  }

  /** How many of these tokens a saved state, or one that is being saved, gives. */
  covered(space: string, tokens: ArrayLike<number>): number {
    let most = 0;
    for (const other of this.#unfinished) {
      if (other.space !== space) continue;
      const shared = sharedTokens(other.tokens, tokens);
      if (!this.#uncut || shared === other.tokens.length) most = Math.max(most, shared);
    }
    for (const { shared, length } of this.#index.matches(space, tokens)) {
      if (shared <= most) break;
      if (!this.#uncut || shared === length) return shared;
    }
    return most;
  }

  /** Resolves when the engine has written the state; the rest is done aside. Never rejects: without a saved state all goes on. */
  async save(space: string, content: ArrayLike<number>, slot: number, cells: CellAccess): Promise<void> {
    const tokens = Uint32Array.from(content);
    const { bytes: limit } = this.#folder.limits;
    if (this.#unfinished.size >= MOST_UNFINISHED || performance.now() < this.#pausedUntil) return;
    // The size of states that cannot be cut need not follow their length.
    if (!this.#uncut && this.#bytesPerToken * tokens.length > limit) return;
    let staged: string | undefined;
    try {
      staged = await this.#folder.stage();
      const bytes = await cells.save(slot, staged, tokens);
      this.#bytesPerToken = bytes / tokens.length;
      this.#uncut ||= cells.firstPosition(slot) > 0;
    } catch (error) {
      this.#failed(error);
      if (staged !== undefined) await rm(staged, { force: true }).catch(() => undefined);
      return;
    }
    const entry = { space, tokens, done: this.#keep(staged, space, tokens) };
    this.#unfinished.add(entry);
    void entry.done.then(() => this.#unfinished.delete(entry));
  }

  /** Resolves when everything that was saved is in its place. */
  async settled(): Promise<void> {
    await Promise.all([...this.#unfinished].map(({ done }) => done));
  }

  #offer(state: State, length: number): SavedPrefix {
    if (state.identity === undefined) state.checking ??= this.#check(state);
    return {
      length,
      costMs: state.stored.bytes * this.#msPerByte,
      ...(state.checking && { pending: state.checking }),
      restore: (cells, slot) => this.#restore(state, length, cells, slot),
    };
  }

  /** Compares the file with its digest and looks through its cells, aside from generation. A file that is gone or wrong is forgotten. */
  async #check(state: State): Promise<void> {
    const { stored } = state;
    const file = this.#folder.pathOf(stored.file);
    try {
      const { digest, bytes, identity } = await digestFile(file);
      const matches = digest === stored.digest && bytes === stored.bytes;
      const wrong = matches
        ? await whyWrongState(file, { tokens: stored.tokens, layout: this.#layout })
        : 'its content does not match its digest';
      if (wrong === undefined) state.identity = identity;
      else await this.#discard(state, wrong);
    } catch (error) {
      if (isMissing(error)) this.#forget(state);
      else await this.#discard(state, String(error));
    } finally {
      state.checking = undefined;
    }
  }

  async #restore(state: State, length: number, cells: CellAccess, slot: number): Promise<number> {
    const { stored } = state;
    const file = this.#folder.pathOf(stored.file);
    if (state.identity === undefined) await (state.checking ??= this.#check(state));
    if (this.#states.get(stored.name) !== state) return 0;
    const started = performance.now();
    try {
      if ((await fileIdentity(file)) !== state.identity) {
        await this.#check(state);
        if (this.#states.get(stored.name) !== state) return 0;
      }
      const tokens = await this.#folder.guarded(stored, () => cells.load(slot, file));
      if (!sameTokens(tokens, stored.tokens)) throw new Error('it holds other tokens than its header says');
      this.#uncut ||= cells.firstPosition(slot) > 0;
      if (this.#uncut && length < tokens.length) return 0;
      // Where a cell has another position than its token, no step could go on from here.
      if (!cells.truncate(slot, length) || cells.lastPosition(slot) !== length - 1)
        throw new Error('its cells have other positions than its tokens');
    } catch (error) {
      if (isMissing(error)) this.#forget(state);
      else await this.#discard(state, error instanceof Error ? error.message : String(error));
      return 0;
    }
    this.#msPerByte += 0.3 * ((performance.now() - started) / stored.bytes - this.#msPerByte);
    void this.#folder.touch(stored);
    this.#restoredTokens += length;
    return length;
  }

  #keep(staged: string, space: string, tokens: Uint32Array): Promise<void> {
    // One after the other: each makes room in the same folder.
    this.#lastKeep = this.#lastKeep.then(async () => {
      try {
        // One that could not be used later is not worth its place.
        const wrong = await whyWrongState(staged, { tokens, layout: this.#layout });
        if (wrong !== undefined) throw new Error(`the state that the engine wrote is not as it has to be: ${wrong}`);
        const { stored, removed, identity } = await this.#folder.keep(staged, {
          fingerprint: this.#fingerprint,
          space,
          tokens,
        });
        for (const name of removed) this.#forget(this.#states.get(name));
        if (stored) this.#add(stored, identity);
      } catch (error) {
        this.#failed(error);
        await rm(staged, { force: true }).catch(() => undefined);
      }
    });
    return this.#lastKeep;
  }

  #failed(error: unknown): void {
    this.#pausedUntil = performance.now() + PAUSE_AFTER_FAILURE_MS;
    // An engine process passes the text on, not what stands beside it.
    const reason = error instanceof Error ? error.message : String(error);
    this.#log?.warn({ err: error }, `a prefix state could not be saved; none is saved for a minute: ${reason}`);
  }

  #add(stored: StoredState, identity: string | undefined): void {
    this.#forget(this.#states.get(stored.name));
    const state: State = { stored, identity, checking: undefined };
    this.#states.set(stored.name, state);
    this.#index.insert(stored.space, state, stored.tokens);
    this.#bytesPerToken = stored.bytes / stored.tokens.length;
  }

  #forget(state: State | undefined): void {
    if (!state) return;
    this.#index.remove(state);
    if (this.#states.get(state.stored.name) === state) this.#states.delete(state.stored.name);
  }

  async #discard(state: State, reason: string): Promise<void> {
    this.#forget(state);
    this.#log?.warn(
      { file: state.stored.file, tokens: state.stored.tokens.length },
      `a saved prefix state cannot be used and is deleted: ${reason}`,
    );
    await this.#folder.remove(state.stored).catch(() => undefined);
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

const sameTokens = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && sharedTokens(a, b) === a.length;

const sharedTokens = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const most = Math.min(a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return shared;
};
