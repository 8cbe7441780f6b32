import { GolekError, type ErrorData } from '@golek/api';
import type { Health, ModelSession, Provider } from '@golek/providers-spi';
import { abortable } from './abortable.ts';
import type { ModelEntry } from './model-registry.ts';

export type ModelState = 'unloaded' | 'loading' | 'ready' | 'failed' | 'unloading';

/** Where a model stands in its life. */
export interface ModelStatus {
  readonly state: ModelState;
  /** Part loaded, 0 to 1, while loading. */
  readonly progress?: number;
  /** Why the last load failed. */
  readonly error?: ErrorData;
  /** Runs that hold the session now. */
  readonly inUse: number;
  readonly health?: Health;
}

/** The right to use a session until `release`. */
export interface SessionLease {
  readonly session: ModelSession;
  /** Idempotent. */
  release(): void;
}

interface Slot {
  state: ModelState;
  progress: number;
  session: ModelSession | undefined;
  /** The load in progress, shared by all who wait for it. */
  opening: Promise<ModelSession> | undefined;
  /** The unload in progress. */
  closing: Promise<void> | undefined;
  failure: { readonly error: GolekError; readonly until: number } | undefined;
  inUse: number;
  idle: (() => void) | undefined;
}

export interface SessionPoolOptions {
  /** Providers by id. */
  readonly providers: ReadonlyMap<string, Provider>;
  /** For so long after a failed load the same error is given without a new attempt, milliseconds. Default 2000. */
  readonly failureMemoryMs?: number;
}

/**
 * Opens sessions when they are first needed and shares them. Parallel first requests cause one load; a load goes on when those who asked for it have left;
 * a session in use is never disposed by `unload`.
 */
export class SessionPool implements AsyncDisposable {
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #failureMemoryMs: number;
  readonly #slots = new Map<string, Slot>();
  readonly #shutdown = new AbortController();

  constructor({ providers, failureMemoryMs = 2000 }: SessionPoolOptions) {
    this.#providers = providers;
    this.#failureMemoryMs = failureMemoryMs;
  }

  /** Throws what `Provider.open` throws, `cancelled` when the signal is aborted first, `shutting_down` after disposal. */
  async lease(entry: ModelEntry, signal: AbortSignal): Promise<SessionLease> {
    const slot = this.#slot(entry.manifest.name);
    for (;;) {
      this.#shutdown.signal.throwIfAborted();
      signal.throwIfAborted();
      if (slot.closing) await abortable(slot.closing, signal);
      else if (slot.session) return this.#leaseOf(slot, slot.session);
      else {
        if (slot.failure && slot.failure.until > performance.now()) throw slot.failure.error;
        slot.opening ??= this.#open(entry, slot);
        await abortable(slot.opening, signal);
      }
    }
  }

  status(name: string): ModelStatus {
    const slot = this.#slots.get(name);
    if (!slot) return { state: 'unloaded', inUse: 0 };
    return {
      state: slot.state,
      inUse: slot.inUse,
      ...(slot.state === 'loading' && { progress: slot.progress }),
      ...(slot.failure && { error: slot.failure.error.toJSON() }),
      ...(slot.session && { health: slot.session.health() }),
    };
  }

  /** Releases a model once no run uses it. New requests wait and load it again. */
  async unload(name: string, signal: AbortSignal): Promise<void> {
    const slot = this.#slots.get(name);
    if (!slot) return;
    if (slot.opening) await abortable(slot.opening, signal);
    slot.closing ??= this.#close(slot);
    await abortable(slot.closing, signal);
  }

  /** Ends loads and runs in progress and releases every model. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#shutdown.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    await Promise.allSettled([...this.#slots.values()].flatMap((slot) => slot.opening ?? []));
    const sessions = [...this.#slots.values()].flatMap((slot) => slot.session ?? []);
    this.#slots.clear();
    const results = await Promise.allSettled(sessions.map((session) => session[Symbol.asyncDispose]()));
    const failed = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    if (failed.length > 0) throw new AggregateError(failed, `${failed.length} model sessions could not be closed`);
  }

  #slot(name: string): Slot {
    let slot = this.#slots.get(name);
    if (!slot) {
      slot = {
        state: 'unloaded',
        progress: 0,
        session: undefined,
        opening: undefined,
        closing: undefined,
        failure: undefined,
        inUse: 0,
        idle: undefined,
      };
      this.#slots.set(name, slot);
    }
    return slot;
  }

  #leaseOf(slot: Slot, session: ModelSession): SessionLease {
    slot.inUse += 1;
    let held = true;
    return {
      session,
      release: () => {
        if (!held) return;
        held = false;
        slot.inUse -= 1;
        if (slot.inUse === 0) slot.idle?.();
      },
    };
  }

  async #open(entry: ModelEntry, slot: Slot): Promise<ModelSession> {
    slot.state = 'loading';
    slot.progress = 0;
    slot.failure = undefined;
    try {
      const { provider: id, name } = entry.manifest;
      const provider = this.#providers.get(id);
      if (!provider)
        throw new GolekError(
          'model_load_failed',
          `model '${name}' needs the provider '${id}', which is not installed; installed: ${[...this.#providers.keys()].join(', ')}`,
        );
      const session = await provider.open(entry.source, {
        signal: this.#shutdown.signal,
        onProgress: (fraction) => {
          slot.progress = fraction;
        },
      });
      slot.session = session;
      slot.state = 'ready';
      return session;
    } catch (thrown) {
      const error = this.#shutdown.signal.aborted
        ? GolekError.from(this.#shutdown.signal.reason)
        : GolekError.from(thrown, 'model_load_failed');
      slot.failure = { error, until: performance.now() + this.#failureMemoryMs };
      slot.state = 'failed';
      throw error;
    } finally {
      slot.opening = undefined;
    }
  }

  async #close(slot: Slot): Promise<void> {
    const { session } = slot;
    slot.state = 'unloading';
    try {
      if (slot.inUse > 0) await new Promise<void>((resolve) => (slot.idle = resolve));
      await session?.[Symbol.asyncDispose]();
    } finally {
      slot.session = undefined;
      slot.idle = undefined;
      slot.closing = undefined;
      slot.state = 'unloaded';
    }
  }
}
