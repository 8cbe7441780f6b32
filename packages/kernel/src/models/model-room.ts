import { GolekError } from '@golek/api';
import { abortable } from '../waiting/abortable.ts';
import { Turns } from '../waiting/turns.ts';
import type { LifeSettings } from './model-life.ts';
import { isIdle, isResident, leastRecent, memoryOf, type ModelSlot } from './model-slot.ts';

export interface ModelRoomOptions {
  readonly settings: () => LifeSettings;
  /** Slots that requests use. */
  readonly slots: () => Iterable<ModelSlot>;
  /** Slots of replaced providers: their memory counts until their last run ends. */
  readonly retiring: () => Iterable<ModelSlot>;
  /** Unloads an idle model; fulfilled when its memory is free, never rejected. */
  readonly evict: (slot: ModelSlot) => Promise<void>;
}

/**
 * Makes room for models. Loads come one after the other, because each looks at the memory that the one before has left. A load that does not
 * fit has idle models unloaded, the least recently used first; where all are in use it waits a while for one to become idle.
 */
export class ModelRoom {
  readonly #options: ModelRoomOptions;
  readonly #waiting = new Set<() => void>();
  readonly #turns = new Turns();

  constructor(options: ModelRoomOptions) {
    this.#options = options;
  }

  /** Tells loads that wait for room that a model has become idle or is gone. */
  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /**
   * Opens a model once there is room for it. `open` is told how many bytes it may take, and throws `insufficient_memory` for more. Throws `overloaded` where
   * `maxLoaded` models are in use or pinned.
   */
  load<T>(model: string, open: (memoryLimitBytes: number | undefined) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#turns.take(() => this.#load(model, open, signal));
  }

  /** Starts to unload idle models while there are more than the settings allow. */
  trim(): void {
    for (;;) {
      const { maxLoaded, memoryBytes } = this.#options.settings();
      const resident = [...this.#options.slots()].filter(isResident);
      if (resident.length <= maxLoaded && memoryOf(resident) <= memoryBytes) return;
      const victim = leastRecent(this.#evictable().filter(isIdle));
      if (!victim) return;
      void this.#options.evict(victim);
    }
  }

  async #load<T>(
    model: string,
    open: (memoryLimitBytes: number | undefined) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    signal.throwIfAborted();
    const until = performance.now() + this.#options.settings().roomWaitMs;
    for (;;) {
      await this.#settled(signal);
      await this.#placeFor(model, until, signal);
      try {
        return await open(this.#bytesLeft());
      } catch (thrown) {
        const error = GolekError.from(thrown, 'model_load_failed');
        if (error.code !== 'insufficient_memory' || signal.aborted) throw error;
        if (!(await this.#free(missingBytes(error), until, signal))) throw error;
      }
    }
  }

  /** Memory of models that are being unloaded is as good as free: it is waited for. */
  async #settled(signal: AbortSignal): Promise<void> {
    for (const { closing, inUse } of [...this.#options.slots()]) {
      if (closing && inUse === 0)
        await abortable(
          closing.catch(() => undefined),
          signal,
        );
    }
  }

  async #placeFor(model: string, until: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { maxLoaded } = this.#options.settings();
      const resident = [...this.#options.slots()].filter(isResident);
      if (resident.length < maxLoaded) return;
      if (await this.#free(undefined, until, signal)) continue;
      const names = resident.map((slot) => slot.model).join(', ');
      throw new GolekError(
        'overloaded',
        `no room for the model '${model}': ${maxLoaded} may be loaded at once (models.maxLoaded), and ${names} are in use or pinned`,
        { details: { model, maxLoaded } },
      );
    }
  }

  #bytesLeft(): number | undefined {
    const { memoryBytes } = this.#options.settings();
    if (memoryBytes === Infinity) return undefined;
    return Math.max(0, memoryBytes - memoryOf(this.#options.slots()) - memoryOf(this.#options.retiring()));
  }

  /** Unloads at least one model, and more while `bytes` are not freed. @returns whether another try may help. */
  async #free(bytes: number | undefined, until: number, signal: AbortSignal): Promise<boolean> {
    if (bytes !== undefined && !this.#canFree(bytes)) return false;
    let freed = 0;
    let evicted = false;
    while (!evicted || (bytes !== undefined && freed < bytes)) {
      const evictable = this.#evictable();
      const victim = leastRecent(evictable.filter(isIdle));
      if (victim) {
        freed += victim.session?.capabilities.memoryBytes ?? 0;
        evicted = true;
        await abortable(this.#options.evict(victim), signal);
      } else if (evictable.length === 0 || !(await this.#change(until, signal))) return evicted;
    }
    return true;
  }

  /** A model that would not fit beside nothing else must not cost the others their place. */
  #canFree(bytes: number): boolean {
    const evictable = this.#evictable();
    const isUnknown = evictable.some(({ session }) => session?.capabilities.memoryBytes === undefined);
    return isUnknown || memoryOf(evictable) >= bytes;
  }

  #evictable(): ModelSlot[] {
    const { lifeOf } = this.#options.settings();
    return [...this.#options.slots()].filter((slot) => isResident(slot) && !lifeOf(slot.model).pinned);
  }

  /** @returns false when the time is over first. */
  async #change(until: number, signal: AbortSignal): Promise<boolean> {
    const left = until - performance.now();
    if (left <= 0) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const wake = (): void => resolve(true);
    const timer = setTimeout(() => resolve(false), left);
    this.#waiting.add(wake);
    try {
      return await abortable(promise, signal);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(wake);
    }
  }
}

const missingBytes = ({ details }: GolekError): number | undefined => {
  const { requiredBytes, availableBytes } = details ?? {};
  if (typeof requiredBytes !== 'number' || typeof availableBytes !== 'number') return undefined;
  return requiredBytes - availableBytes;
};
