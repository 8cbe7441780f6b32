import { GolekError, nearest, type LifecycleEvent } from '@golek/api';
import type { Plugin, PluginHealth } from '@golek/plugins-api';
import { outOfUse } from './out-of-use.ts';
import { contributionChanges, joinContributions, NOTHING } from './plugin-contributions.ts';
import { dependentsOf, planStart } from './plugin-dependencies.ts';
import { releaseLoaded, type PluginInstance } from './plugin-instance.ts';
import { newRecord, runningInstance, statusOf, type PluginRecord, type PluginStatus } from './plugin-record.ts';
import type { PluginManagerOptions } from './plugin-settings.ts';
import type { LoadedPlugin, PluginSource } from './plugin-source.ts';
import { checkForDependents, loadVersion, putIntoEffect } from './plugin-versions.ts';

/** Old versions of one plugin that may wait for their calls; each keeps its code and what it holds in memory. */
const MAX_RETIRING = 64;

const OK: PluginHealth = Object.freeze({ status: 'ok' });

/**
 * Starts, replaces and stops plugins while calls run. What a plugin adds takes effect in one step, and so does its replacement: calls that began before finish on the
 * version that they began with. One operation at a time; all are bounded in time.
 */
export class PluginManager implements AsyncDisposable {
  readonly #options: PluginManagerOptions;
  readonly #entries = new Map<string, PluginRecord>();
  readonly #closing = new AbortController();
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: PluginManagerOptions) {
    this.#options = options;
  }

  /** Makes a plugin known; nothing of it is loaded. Throws `plugin_invalid` when the name is taken. */
  declare(source: PluginSource, { disabled = false }: { readonly disabled?: boolean } = {}): void {
    const other = this.#entries.get(source.name);
    if (other) {
      throw new GolekError(
        'plugin_invalid',
        `two plugins are named '${source.name}': ${other.source.origin} and ${source.origin}; remove or rename one`,
        { details: { plugin: source.name } },
      );
    }
    this.#entries.set(source.name, newRecord(source, disabled));
  }

  /** The next load is from this source. */
  redeclare(source: PluginSource): void {
    this.#entry(source.name).source = source;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** All known plugins, in the order of their declaration. */
  list(): readonly PluginStatus[] {
    return [...this.#entries.values()].map(statusOf);
  }

  /** Throws `plugin_not_found`. */
  status(name: string): PluginStatus {
    return statusOf(this.#entry(name));
  }

  /** Throws why a plugin that must run does not. */
  demandRunning(name: string): void {
    const { life, error } = this.#entry(name);
    if (life.state === 'running') return;
    throw error ?? new GolekError('plugin_failed', `plugin '${name}' is ${life.state}`);
  }

  /** Starts all that are registered, each after what it needs. One that cannot start is `failed` with its reason and keeps only those that need it from starting. */
  startAll(): Promise<void> {
    return this.#exclusive(() =>
      this.#startEntries([...this.#entries.values()].filter(({ life }) => life.state === 'registered')),
    );
  }

  /** Throws why it could not start; plugins that waited for it start with it. */
  start(name: string): Promise<void> {
    return this.#exclusive(() => this.#startNamed(name));
  }

  /** Puts the code as it is now into effect: replaces a running plugin, starts another. Throws why it could not; a running version stays in effect then. */
  reload(name: string): Promise<void> {
    return this.#exclusive(async () => {
      const entry = this.#entry(name);
      if (entry.life.state !== 'running') return this.#startNamed(name);
      await this.#replace(entry);
      await this.#startWaiting();
    });
  }

  /**
   * Takes a plugin out of effect at once; resolves when the last call that used it has ended and it has stopped. Throws `conflict` when running plugins need it and
   * `force` is not set; with `force` they stop before it.
   */
  async stop(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const { done } = await this.#exclusive(() => this.#takeOutNamed(name, force));
    await done;
  }

  /** Stops a plugin and keeps it from being started. */
  async disable(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const entry = this.#entry(name);
    if (entry.life.state === 'disabled') return;
    if (!entry.life.may('disabled')) await this.stop(name, options);
    await this.#exclusive(async () => {
      entry.life.enter('disabled');
      entry.waiting = false;
    });
  }

  /** Lets a disabled plugin start, and starts it. */
  enable(name: string): Promise<void> {
    return this.#exclusive(async () => {
      const entry = this.#entry(name);
      if (entry.life.state === 'disabled') entry.life.enter('registered');
      if (entry.life.state !== 'running') await this.#startNamed(name);
    });
  }

  /** Stops a plugin, and those that need it, and forgets it. */
  async forget(name: string): Promise<void> {
    const { done } = await this.#exclusive(async () => {
      const entry = this.#entry(name);
      const idle = { done: entry.stopping ?? Promise.resolve() };
      return entry.instance && !entry.stopping ? this.#takeOutNamed(name, true) : idle;
    });
    await done;
    await this.#exclusive(async () => {
      if (!this.#entries.get(name)?.instance) this.#entries.delete(name);
    });
  }

  /** Asks every running plugin how it is. */
  async checkHealth(): Promise<void> {
    const { healthLimitMs } = this.#options.settings();
    await Promise.all([...this.#entries.values()].map((entry) => this.#checkHealth(entry, healthLimitMs)));
  }

  /** Stops all, those that are needed after those that need them. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort(new GolekError('shutting_down', 'the runtime is stopping'));
    await this.#tail;
    const { order, refused } = planStart(this.#running(), []);
    const names = [...order, ...refused.keys()].map(({ name }) => name).reverse();
    const { done } = await this.#takeOut(names.map((name) => this.#entry(name)));
    await done;
    const entries = [...this.#entries.values()];
    await Promise.all(entries.flatMap(({ retiring, stopping }) => [...retiring, ...(stopping ? [stopping] : [])]));
  }

  #entry(name: string): PluginRecord {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    const hint = nearest(name, this.#entries.keys());
    throw new GolekError('plugin_not_found', `no plugin is named '${name}'${hint ? `; did you mean '${hint}'?` : ''}`);
  }

  #running(): Plugin[] {
    return [...this.#entries.values()].flatMap(({ instance, life }) =>
      instance && life.state !== 'stopping' ? [instance.plugin] : [],
    );
  }

  /** Why each plugin that does not run cannot be depended on. */
  #unavailable(): Map<string, string> {
    const why = new Map<string, string>();
    for (const { source, life, error } of this.#entries.values()) {
      const failed = life.state === 'failed' && error;
      why.set(source.name, failed ? `failed: ${error.message}` : `is ${life.state}`);
    }
    return why;
  }

  #exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      this.#closing.signal.throwIfAborted();
      return run();
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #startNamed(name: string): Promise<void> {
    const entry = this.#entry(name);
    if (entry.life.state === 'disabled') {
      throw new GolekError('conflict', `plugin '${name}' is disabled; enable it first: golek plugins enable ${name}`);
    }
    await this.#startEntries([entry]);
    if (!entry.instance && entry.error) throw entry.error;
    await this.#startWaiting();
  }

  async #startWaiting(): Promise<void> {
    for (;;) {
      const waiting = [...this.#entries.values()].filter(({ waiting, life }) => waiting && life.may('starting'));
      const needs = waiting.flatMap((entry) => entry.needs ?? []);
      const { order } = planStart(needs, this.#running(), this.#unavailable());
      if (order.length === 0) return;
      const names = new Set(order.map(({ name }) => name));
      const ready = waiting.filter(({ source }) => names.has(source.name));
      await this.#startEntries(ready);
      if (!ready.some(({ instance }) => instance)) return;
    }
  }

  async #startEntries(entries: readonly PluginRecord[]): Promise<void> {
    for (const entry of entries) {
      entry.life.enter('starting');
      entry.waiting = false;
    }
    const loads = await Promise.all(
      entries.map(async (entry): Promise<readonly [string, LoadedPlugin] | undefined> => {
        try {
          return [entry.source.name, await this.#load(entry)];
        } catch (thrown) {
          this.#failed(entry, GolekError.from(thrown, 'plugin_failed'));
          return undefined;
        }
      }),
    );
    const loaded = new Map(loads.filter((load) => load !== undefined));
    const { order, refused } = planStart(
      [...loaded.values()].map(({ plugin }) => plugin),
      this.#running(),
      this.#unavailable(),
    );
    for (const [{ name }, error] of refused) await this.#refuse(this.#entry(name), loaded.get(name), error);
    for (const { name } of order) {
      const version = loaded.get(name);
      if (version) await this.#startLoaded(this.#entry(name), version);
    }
  }

  async #startLoaded(entry: PluginRecord, loaded: LoadedPlugin): Promise<void> {
    // What it needs may have failed since the plan was made.
    const [late] = planStart([loaded.plugin], this.#running(), this.#unavailable()).refused.values();
    if (late) return this.#refuse(entry, loaded, late);
    try {
      const { instance } = await putIntoEffect(loaded, NOTHING, this.#options, this.#closing.signal);
      entry.instance = instance;
      instance.listen();
    } catch (thrown) {
      return this.#failed(entry, GolekError.from(thrown, 'plugin_failed'));
    }
    entry.life.enter('running');
    entry.error = undefined;
    const { name, version } = loaded.plugin;
    this.#options.log.info({ plugin: name, version, origin: entry.source.origin }, 'plugin started');
    this.#publish({ type: 'plugin.started', plugin: name, version });
  }

  async #replace(entry: PluginRecord): Promise<void> {
    const old = runningInstance(entry);
    entry.life.enter('replacing');
    try {
      if (entry.retiring.size >= MAX_RETIRING) {
        throw new GolekError(
          'overloaded',
          `${MAX_RETIRING} older versions of plugin '${entry.source.name}' wait for calls that use them; reload it when those have ended`,
        );
      }
      const loaded = await this.#load(entry);
      try {
        const others = this.#running().filter(({ name }) => name !== loaded.plugin.name);
        const [refused] = planStart([loaded.plugin], others, this.#unavailable()).refused.values();
        if (refused) throw refused;
        checkForDependents(loaded.plugin, old.plugin, others);
      } catch (thrown) {
        await releaseLoaded(loaded, this.#options.settings().stopLimitMs, this.#options.log);
        throw thrown;
      }
      const { instance, drained } = await putIntoEffect(loaded, old.contributions, this.#options, this.#closing.signal);
      old.unlisten();
      instance.listen();
      entry.instance = instance;
      entry.health = undefined;
      entry.replacements += 1;
      this.#retire(entry, old, drained);
      entry.error = undefined;
      const { name, version } = instance.plugin;
      this.#options.log.info({ plugin: name, version, previous: old.plugin.version }, 'plugin replaced');
      this.#publish({ type: 'plugin.replaced', plugin: name, version, previous: old.plugin.version });
    } catch (thrown) {
      const error = GolekError.from(thrown, 'plugin_failed');
      this.#report(entry, error);
      throw error;
    } finally {
      entry.life.enter('running');
    }
  }

  async #load(entry: PluginRecord): Promise<LoadedPlugin> {
    const loaded = await loadVersion(entry.source, this.#options, this.#closing.signal);
    const { name, version, golek, requires } = loaded.plugin;
    // A copy: the record must not keep the code of an old version.
    entry.needs = {
      name,
      version,
      ...(golek !== undefined && { golek }),
      ...(requires && { requires: { ...requires } }),
    };
    return loaded;
  }

  async #takeOutNamed(name: string, force: boolean): Promise<{ done: Promise<void> }> {
    const entry = this.#entry(name);
    if (entry.stopping) return { done: entry.stopping };
    const dependents = dependentsOf(name, this.#running());
    if (dependents.length > 0 && !force) {
      const names = dependents.map((plugin) => `'${plugin.name}'`).join(', ');
      throw new GolekError(
        'conflict',
        `plugin '${name}' is needed by ${names}; stop those first, or force it to stop them too`,
        { details: { plugin: name, dependents: dependents.map((plugin) => plugin.name) } },
      );
    }
    const others = dependents.map((plugin) => this.#entry(plugin.name));
    const taken = await this.#takeOut([...others, entry]);
    for (const other of others) other.waiting = true;
    entry.waiting = false;
    return taken;
  }

  /** Takes plugins out of effect, in one step; `done` resolves when they have stopped, in the given order. */
  async #takeOut(entries: readonly PluginRecord[]): Promise<{ done: Promise<void> }> {
    const { extensions } = this.#options;
    const stopping = entries.map((entry) => ({ entry, instance: runningInstance(entry) }));
    const gone = joinContributions(stopping.map(({ instance }) => instance.contributions));
    const drained = extensions.change(contributionChanges(gone, NOTHING));
    for (const { entry, instance } of stopping) {
      entry.life.enter('stopping');
      instance.unlisten();
    }
    const done = this.#stopInOrder(stopping, drained);
    for (const { entry } of stopping) entry.stopping = done;
    return { done };
  }

  async #stopInOrder(
    stopping: readonly { readonly entry: PluginRecord; readonly instance: PluginInstance }[],
    drained: Promise<void>,
  ): Promise<void> {
    const names = stopping.map(({ entry }) => entry.source.name).join(', ');
    await outOfUse(drained, names, this.#options, this.#closing.signal);
    for (const { entry, instance } of stopping) {
      const { name, version } = instance.plugin;
      const reason = new GolekError('shutting_down', `plugin '${name}' was stopped`);
      const problems = await instance.release(this.#options.settings().stopLimitMs, reason);
      entry.instance = undefined;
      entry.health = undefined;
      entry.stopping = undefined;
      entry.life.enter('stopped');
      if (problems.length > 0) {
        this.#report(
          entry,
          new GolekError('plugin_failed', `plugin '${name}' did not stop well: ${problems.join('; ')}`),
        );
      }
      this.#options.log.info({ plugin: name, version }, 'plugin stopped');
      this.#publish({ type: 'plugin.stopped', plugin: name, version });
    }
  }

  /** Lets an old version go once its calls have ended. */
  #retire(entry: PluginRecord, old: PluginInstance, drained: Promise<void>): void {
    const { name, version } = old.plugin;
    const retired = (async () => {
      await outOfUse(drained, `${name} ${version}`, this.#options, this.#closing.signal);
      const reason = new GolekError('shutting_down', `plugin '${name}' ${version} was replaced`);
      await old.release(this.#options.settings().stopLimitMs, reason);
    })().finally(() => entry.retiring.delete(retired));
    entry.retiring.add(retired);
  }

  async #checkHealth(entry: PluginRecord, limitMs: number): Promise<void> {
    const { instance } = entry;
    if (!instance) return;
    const before = entry.health ?? OK;
    const health = instance.hasHealth ? await instance.health(limitMs) : OK;
    // Replaced or stopped while it was asked.
    if (entry.instance !== instance) return;
    entry.health = health;
    if (health.status === before.status) return;
    const { name, version } = instance.plugin;
    const { status, reason } = health;
    this.#publish({
      type: 'plugin.health',
      plugin: name,
      version,
      status,
      ...(reason !== undefined && { reason }),
    });
  }

  async #refuse(entry: PluginRecord, loaded: LoadedPlugin | undefined, error: GolekError): Promise<void> {
    if (loaded) await releaseLoaded(loaded, this.#options.settings().stopLimitMs, this.#options.log);
    entry.waiting = true;
    this.#failed(entry, error);
  }

  #failed(entry: PluginRecord, error: GolekError): void {
    entry.life.enter('failed');
    this.#report(entry, error);
  }

  #report(entry: PluginRecord, error: GolekError): void {
    entry.error = error;
    const { source, instance, needs, life } = entry;
    const version = needs?.version ?? instance?.plugin.version ?? 'unknown';
    this.#options.log.error({ plugin: source.name, version, state: life.state, err: error }, 'plugin failed');
    const { code, message } = error;
    this.#publish({ type: 'plugin.failed', plugin: source.name, version, error: { code, message } });
  }

  #publish(event: LifecycleEvent): void {
    this.#options.events.publish(event);
  }
}
