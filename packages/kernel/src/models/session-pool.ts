import { GolekError, type ErrorData, type LifecycleEvent, type Log } from '@golek/api';
import type { Health, ModelSession, OpenOptions, Provider, SessionCapabilities } from '@golek/providers-spi';
import type { EventBus } from '../events/event-bus.ts';
import type { ExtensionPoint } from '../extensions/extension-point.ts';
import { abortable } from '../waiting/abortable.ts';
import { DEFAULT_LIFE_SETTINGS, type LifeSettings, type UnloadReason } from './model-life.ts';
import type { ModelEntry } from './model-registry.ts';
import { ModelRoom } from './model-room.ts';
import { emptySlot, isIdle, type ModelSlot, type ModelState } from './model-slot.ts';

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
  /** What it can do, while it is open. */
  readonly capabilities?: SessionCapabilities;
  /** When it was opened, milliseconds of `performance.now()`, while it is open. */
  readonly openedAt?: number;
  /** What it takes of this machine's memory, as estimated; absent where its provider cannot tell, and while it is not loaded. */
  readonly memoryBytes?: number;
  /** It is unloaded on request only. */
  readonly pinned?: true;
  /** Time until it is unloaded if nobody uses it; absent while it is in use and where it stays. */
  readonly unloadsInMs?: number;
}

/** The right to use a session until `release`. */
export interface SessionLease {
  readonly session: ModelSession;
  /** Idempotent. */
  release(): void;
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
  /** How long models stay and how many. Default: all, until they are unloaded or a load finds no memory. */
  readonly life?: LifeSettings;
  /** Told of a model that was not closed properly when it was unloaded by itself. */
  readonly log?: Log;
}

/** More would overflow a timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Opens sessions when they are first needed and shares them. Parallel first requests cause one load; a load goes on when those who asked for it have left;
 * a session in use is never disposed: not by `unload`, not for idleness, not to make room for another (docs/adr/0018). When a provider is replaced or taken out, its sessions serve the runs that hold them and are disposed then; new runs open
 * the model on the new provider.
 */
export class SessionPool implements AsyncDisposable {
  readonly #events: Pick<EventBus, 'publish'> | undefined;
  readonly #onOpen: SessionPoolOptions['onOpen'];
  readonly #failureMemoryMs: number;
  readonly #slots = new Map<string, ModelSlot>();
  /** Slots of providers that were taken out, until their last run ends. */
  readonly #retiring = new Set<ModelSlot>();
  readonly #shutdown = new AbortController();
  readonly #consumption: Disposable;
  readonly #room: ModelRoom;
  readonly #log: Log | undefined;
  #life: LifeSettings;
  #providers: ReadonlyMap<string, Provider> = new Map();

  /** Throws `composition_invalid` when two providers have one id. */
  constructor({
    providers,
    events,
    onOpen,
    failureMemoryMs = 2000,
    life = DEFAULT_LIFE_SETTINGS,
    log,
  }: SessionPoolOptions) {
    this.#life = life;
    this.#log = log;
    this.#room = new ModelRoom({
      settings: () => this.#life,
      slots: () => this.#slots.values(),
      retiring: () => this.#retiring,
      evict: (slot) => this.#unloadQuietly(slot, 'evicted'),
    });
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
        // Counted, so that nothing unloads what was just loaded for somebody.
        slot.wanted += 1;
        try {
          await abortable(slot.opening, signal).finally(() => (slot.wanted -= 1));
        } catch (thrown) {
          this.#rest(slot);
          if (!slot.retired.signal.aborted || signal.aborted) throw thrown;
        }
      }
    }
  }

  status(name: string): ModelStatus {
    const slot = this.#slots.get(name);
    if (!slot) return { state: 'unloaded', inUse: 0 };
    const { memoryBytes } = slot.session?.capabilities ?? {};
    const unloadsInMs = this.#unloadsInMs(slot);
    return {
      state: slot.state,
      inUse: slot.inUse,
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(this.#life.lifeOf(name).pinned && { pinned: true as const }),
      ...(unloadsInMs !== undefined && { unloadsInMs }),
      ...(slot.state === 'loading' && { progress: slot.progress }),
      ...(slot.failure && { error: slot.failure.error.toJSON() }),
      ...(slot.session && {
        health: slot.session.health(),
        capabilities: slot.session.capabilities,
        openedAt: slot.openedAt,
      }),
    };
  }

  /** Loads a model ahead of its first request. `keepAliveMs` replaces the setting until it is unloaded. Throws as `lease` does. */
  async load(entry: ModelEntry, signal: AbortSignal, { keepAliveMs }: { keepAliveMs?: number } = {}): Promise<void> {
    const lease = await this.lease(entry, signal);
    const slot = this.#slots.get(entry.manifest.name);
    if (slot && keepAliveMs !== undefined) slot.keepAliveMs = keepAliveMs;
    lease.release();
  }

  /** Releases a model once no run uses it. New requests wait and load it again. */
  async unload(name: string, signal: AbortSignal, reason: UnloadReason = 'requested'): Promise<void> {
    const slot = this.#slots.get(name);
    if (!slot) return;
    if (slot.opening) await abortable(slot.opening, signal);
    slot.closing ??= this.#close(slot, reason);
    await abortable(slot.closing, signal);
  }

  /** Takes other bounds: they count from now on for the models that are open too. */
  configure(life: LifeSettings): void {
    this.#life = life;
    for (const slot of this.#slots.values()) {
      // What did not fit may fit now.
      slot.failure = undefined;
      this.#rest(slot);
    }
    this.#room.trim();
    this.#room.changed();
  }

  /** Ends loads and runs in progress and releases every model. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#consumption[Symbol.dispose]();
    this.#shutdown.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    const slots = [...this.#slots.values(), ...this.#retiring];
    for (const { timer } of slots) clearTimeout(timer);
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
      gone.push(this.#retire(slot, slot.provider).finally(() => this.#retiring.delete(slot)));
    }
    const results = await Promise.allSettled(gone);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #retire(slot: ModelSlot, { id }: Provider): Promise<void> {
    clearTimeout(slot.timer);
    slot.retired.abort(
      new GolekError('model_load_failed', `the provider '${id}' was replaced while '${slot.model}' was loading`),
    );
    // A provider may finish a load that it was told to end.
    await slot.opening?.catch(() => undefined);
    await (slot.closing ??= this.#close(slot, 'replaced'));
  }

  #slot(name: string): ModelSlot {
    let slot = this.#slots.get(name);
    if (!slot) this.#slots.set(name, (slot = emptySlot(name)));
    return slot;
  }

  #leaseOf(slot: ModelSlot, session: ModelSession): SessionLease {
    clearTimeout(slot.timer);
    slot.inUse += 1;
    let held = true;
    return {
      session,
      release: () => {
        if (!held) return;
        held = false;
        slot.inUse -= 1;
        if (slot.inUse > 0) return;
        slot.idleSince = performance.now();
        slot.idle?.();
        this.#rest(slot);
        this.#room.changed();
      },
    };
  }

  #keepAliveMs({ model, keepAliveMs }: ModelSlot): number {
    const life = this.#life.lifeOf(model);
    return life.pinned ? Infinity : (keepAliveMs ?? life.keepAliveMs);
  }

  #unloadsInMs(slot: ModelSlot): number | undefined {
    if (!slot.session || slot.closing || !isIdle(slot)) return undefined;
    const keepAliveMs = this.#keepAliveMs(slot);
    if (keepAliveMs === Infinity || slot.remote) return undefined;
    return Math.max(0, slot.idleSince + keepAliveMs - performance.now());
  }

  /** Lets the time of an idle model run, from when it became idle. */
  #rest(slot: ModelSlot): void {
    clearTimeout(slot.timer);
    const left = this.#slots.get(slot.model) === slot ? this.#unloadsInMs(slot) : undefined;
    if (left === undefined) return;
    if (left <= 0) void this.#unloadQuietly(slot, 'idle');
    else slot.timer = setTimeout(() => this.#rest(slot), Math.min(left, LONGEST_TIMER_MS)).unref();
  }

  /** For an idle model that nobody asked to unload: nobody but the log can be told of a failure. */
  async #unloadQuietly(slot: ModelSlot, reason: UnloadReason): Promise<void> {
    try {
      await (slot.closing ??= this.#close(slot, reason));
    } catch (err) {
      this.#log?.warn({ model: slot.model, err }, 'a model was not closed properly when it was unloaded');
    }
  }

  async #open(entry: ModelEntry, slot: ModelSlot): Promise<ModelSession> {
    const { provider: id, name: model, device } = entry.manifest;
    const begun = performance.now();
    slot.state = 'loading';
    slot.progress = 0;
    slot.failure = undefined;
    slot.remote = device === 'remote';
    this.#publish({ type: 'model.loading', model, provider: id });
    try {
      const provider = (slot.provider = this.#providers.get(id));
      if (!provider)
        throw new GolekError(
          'model_load_failed',
          `model '${model}' needs the provider '${id}', which is not installed; installed: ${[...this.#providers.keys()].join(', ')}`,
        );
      const signal = AbortSignal.any([this.#shutdown.signal, slot.retired.signal]);
      const options = { signal, ...this.#reports(slot, id) };
      const session = slot.remote
        ? await provider.open(entry.source, options)
        : await this.#room.load(
            model,
            (memoryLimitBytes) => provider.open(entry.source, { ...options, memoryLimitBytes }),
            signal,
          );
      slot.session = session;
      slot.state = 'ready';
      slot.openedAt = slot.idleSince = performance.now();
      this.#onOpen?.(model, session.capabilities);
      this.#publish({ type: 'model.loaded', model, provider: id, durationMs: Math.round(performance.now() - begun) });
      return session;
    } catch (thrown) {
      const ended = [this.#shutdown.signal, slot.retired.signal].find(({ aborted }) => aborted);
      const error = ended ? GolekError.from(ended.reason) : GolekError.from(thrown, 'model_load_failed');
      // A place may become free at any time, and to look for one costs nothing.
      const memoryMs = error.code === 'overloaded' ? 0 : this.#failureMemoryMs;
      slot.failure = { error, until: performance.now() + memoryMs };
      slot.state = 'failed';
      const { code, message } = error;
      this.#publish({ type: 'model.failed', model, provider: id, error: { code, message } });
      throw error;
    } finally {
      slot.opening = undefined;
      // Whoever asked for it may have left.
      this.#rest(slot);
    }
  }

  #reports(slot: ModelSlot, provider: string): Pick<OpenOptions, 'onProgress' | 'onHealth'> {
    const { model } = slot;
    let health: Health['status'] = 'ok';
    return {
      onProgress: (fraction) => {
        slot.progress = fraction;
      },
      onHealth: ({ status, reason }) => {
        if (status === health) return;
        health = status;
        this.#publish({ type: 'model.health', model, provider, status, ...(reason !== undefined && { reason }) });
      },
    };
  }

  async #close(slot: ModelSlot, reason: UnloadReason): Promise<void> {
    const { session, model } = slot;
    clearTimeout(slot.timer);
    slot.state = 'unloading';
    try {
      if (slot.inUse > 0) await new Promise<void>((resolve) => (slot.idle = resolve));
      await session?.[Symbol.asyncDispose]();
    } finally {
      if (session && slot.provider)
        this.#publish({ type: 'model.unloaded', model, provider: slot.provider.id, reason });
      slot.session = undefined;
      slot.idle = undefined;
      slot.closing = undefined;
      slot.keepAliveMs = undefined;
      slot.state = 'unloaded';
      this.#room.changed();
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
