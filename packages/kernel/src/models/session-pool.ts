import { GolekError, type ErrorData, type LifecycleEvent } from '@golek/api';
import type { Health, ModelSession, Provider, SessionCapabilities } from '@golek/providers-spi';
import type { EventBus } from '../events/event-bus.ts';
import type { ExtensionPoint } from '../extensions/extension-point.ts';
import { abortable } from '../waiting/abortable.ts';
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
  /** What opened the session, or is opening it. */
  provider: Provider | undefined;
  session: ModelSession | undefined;
  /** The load in progress, shared by all who wait for it. */
  opening: Promise<ModelSession> | undefined;
  /** Ends the load when the provider is taken out. */
  readonly retired: AbortController;
  /** The unload in progress. */
  closing: Promise<void> | undefined;
  failure: { readonly error: GolekError; readonly until: number } | undefined;
  inUse: number;
  idle: (() => void) | undefined;
}

export interface SessionPoolOptions {
  /** They may change while the pool works. */
  readonly providers: ExtensionPoint<Provider>;
  /** Told what happens to models. */
  readonly events?: Pick<EventBus, 'publish'>;
  /** Told what a model can do when it was opened. */
  readonly onOpen?: (model: string, capabilities: SessionCapabilities) => void;
  /** For so long after a failed load the same error is given without a new attempt, milliseconds. Default 2000. */
  readonly failureMemoryMs?: number;
}

/**
 * Opens sessions when they are first needed and shares them. Parallel first requests cause one load; a load goes on when those who asked for it have left;
 * a session in use is never disposed by `unload`. When a provider is replaced or taken out, its sessions serve the runs that hold them and are disposed then; new runs open
 * the model on the new provider.
 */
export class SessionPool implements AsyncDisposable {
  readonly #events: Pick<EventBus, 'publish'> | undefined;
  readonly #onOpen: SessionPoolOptions['onOpen'];
  readonly #failureMemoryMs: number;
  readonly #slots = new Map<string, Slot>();
  /** Slots of providers that were taken out, until their last run ends. */
  readonly #retiring = new Set<Slot>();
  readonly #shutdown = new AbortController();
  readonly #consumption: Disposable;
  #providers: ReadonlyMap<string, Provider> = new Map();

  /** Throws `composition_invalid` when two providers have one id. */
  constructor({ providers, events, onOpen, failureMemoryMs = 2000 }: SessionPoolOptions) {
    this.#events = events;
    this.#onOpen = onOpen;
    this.#failureMemoryMs = failureMemoryMs;
    this.#consumption = providers.consume({
      check: (items) => void byId(items),
      apply: (items) => this.#take(byId(items)),
    });
  }

  /** Throws what `Provider.open` throws, `cancelled` when the signal is aborted first, `shutting_down` after disposal. */
  async lease(entry: ModelEntry, signal: AbortSignal): Promise<SessionLease> {
    for (;;) {
      // Asked for each time: a provider that is replaced meanwhile takes its slot with it.
      const slot = this.#slot(entry.manifest.name);
      this.#shutdown.signal.throwIfAborted();
      signal.throwIfAborted();
      if (slot.closing) await abortable(slot.closing, signal);
      else if (slot.session) return this.#leaseOf(slot, slot.session);
      else {
        if (slot.failure && slot.failure.until > performance.now()) throw slot.failure.error;
        slot.opening ??= this.#open(entry, slot);
        try {
          await abortable(slot.opening, signal);
        } catch (thrown) {
          if (!slot.retired.signal.aborted || signal.aborted) throw thrown;
        }
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
    slot.closing ??= this.#close(name, slot);
    await abortable(slot.closing, signal);
  }

  /** Ends loads and runs in progress and releases every model. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#consumption[Symbol.dispose]();
    this.#shutdown.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    const slots = [...this.#slots.values(), ...this.#retiring];
    await Promise.allSettled(slots.flatMap((slot) => slot.opening ?? []));
    const sessions = slots.flatMap((slot) => slot.session ?? []);
    this.#slots.clear();
    this.#retiring.clear();
    const results = await Promise.allSettled(sessions.map((session) => session[Symbol.asyncDispose]()));
    const failed = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    if (failed.length > 0) throw new AggregateError(failed, `${failed.length} model sessions could not be closed`);
  }

  /** Works with these providers from now on. @returns a promise that resolves when nothing uses a session of those that are gone. */
  async #take(providers: ReadonlyMap<string, Provider>): Promise<void> {
    this.#providers = providers;
    const gone: Promise<void>[] = [];
    for (const [name, slot] of this.#slots) {
      // What failed for want of a provider, or with another version of it, is tried anew.
      slot.failure = undefined;
      if (!slot.provider || providers.get(slot.provider.id) === slot.provider) continue;
      this.#slots.delete(name);
      this.#retiring.add(slot);
      gone.push(this.#retire(name, slot, slot.provider).finally(() => this.#retiring.delete(slot)));
    }
    const results = await Promise.allSettled(gone);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #retire(name: string, slot: Slot, { id }: Provider): Promise<void> {
    slot.retired.abort(
      new GolekError('model_load_failed', `the provider '${id}' was replaced while '${name}' was loading`),
    );
    // A provider may finish a load that it was told to end.
    await slot.opening?.catch(() => undefined);
    await (slot.closing ??= this.#close(name, slot));
  }

  #slot(name: string): Slot {
    let slot = this.#slots.get(name);
    if (!slot) {
      slot = {
        state: 'unloaded',
        progress: 0,
        provider: undefined,
        session: undefined,
        opening: undefined,
        retired: new AbortController(),
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
    const { provider: id, name: model } = entry.manifest;
    const begun = performance.now();
    slot.state = 'loading';
    slot.progress = 0;
    slot.failure = undefined;
    this.#publish({ type: 'model.loading', model, provider: id });
    try {
      const provider = (slot.provider = this.#providers.get(id));
      if (!provider)
        throw new GolekError(
          'model_load_failed',
          `model '${model}' needs the provider '${id}', which is not installed; installed: ${[...this.#providers.keys()].join(', ')}`,
        );
      let health: Health['status'] = 'ok';
      const session = await provider.open(entry.source, {
        signal: AbortSignal.any([this.#shutdown.signal, slot.retired.signal]),
        onProgress: (fraction) => {
          slot.progress = fraction;
        },
        onHealth: ({ status, reason }) => {
          if (status === health) return;
          health = status;
          this.#publish({ type: 'model.health', model, provider: id, status, ...(reason !== undefined && { reason }) });
        },
      });
      slot.session = session;
      slot.state = 'ready';
      this.#onOpen?.(model, session.capabilities);
      this.#publish({ type: 'model.loaded', model, provider: id, durationMs: Math.round(performance.now() - begun) });
      return session;
    } catch (thrown) {
      const ended = [this.#shutdown.signal, slot.retired.signal].find(({ aborted }) => aborted);
      const error = ended ? GolekError.from(ended.reason) : GolekError.from(thrown, 'model_load_failed');
      slot.failure = { error, until: performance.now() + this.#failureMemoryMs };
      slot.state = 'failed';
      const { code, message } = error;
      this.#publish({ type: 'model.failed', model, provider: id, error: { code, message } });
      throw error;
    } finally {
      slot.opening = undefined;
    }
  }

  async #close(model: string, slot: Slot): Promise<void> {
    const { session } = slot;
    slot.state = 'unloading';
    try {
      if (slot.inUse > 0) await new Promise<void>((resolve) => (slot.idle = resolve));
      await session?.[Symbol.asyncDispose]();
    } finally {
      if (session && slot.provider) this.#publish({ type: 'model.unloaded', model, provider: slot.provider.id });
      slot.session = undefined;
      slot.idle = undefined;
      slot.closing = undefined;
      slot.state = 'unloaded';
    }
  }

  #publish(event: LifecycleEvent): void {
    this.#events?.publish(event);
  }
}

const byId = (providers: readonly Provider[]): ReadonlyMap<string, Provider> => {
  const map = new Map<string, Provider>();
  for (const provider of providers) {
    if (map.has(provider.id)) {
      throw new GolekError('composition_invalid', `two providers have the id '${provider.id}'; each needs its own`);
    }
    map.set(provider.id, provider);
  }
  return map;
};
