import { GolekError } from '@golek/api';
import { Turns } from '../waiting/turns.ts';
import { planStart } from './plugin-dependencies.ts';
import { PluginExits } from './plugin-exits.ts';
import { statusOf, type PluginStatus } from './plugin-record.ts';
import { PluginReports } from './plugin-reports.ts';
import type { PluginManagerOptions } from './plugin-settings.ts';
import type { PluginSource } from './plugin-source.ts';
import { PluginStarts } from './plugin-starts.ts';
import { PluginTable } from './plugin-table.ts';

/**
 * Starts, replaces and stops plugins while calls run. What a plugin adds takes effect in one step, and so does its replacement: calls that began before finish on the
 * version that they began with. One operation at a time; all are bounded in time.
 */
export class PluginManager implements AsyncDisposable {
  readonly #options: PluginManagerOptions;
  readonly #table = new PluginTable();
  readonly #turns = new Turns();
  readonly #closing = new AbortController();
  readonly #reports: PluginReports;
  readonly #exits: PluginExits;
  readonly #starts: PluginStarts;
  #closed: Promise<void> | undefined;

  constructor(options: PluginManagerOptions) {
    this.#options = options;
    this.#reports = new PluginReports(options);
    const parts = { table: this.#table, reports: this.#reports, options, closing: this.#closing.signal };
    this.#exits = new PluginExits(parts);
    this.#starts = new PluginStarts(parts, this.#exits);
  }

  /** Makes a plugin known; nothing of it is loaded. Throws `plugin_invalid` when the name is taken. */
  declare(source: PluginSource, { disabled = false }: { readonly disabled?: boolean } = {}): void {
    this.#table.declare(source, disabled);
  }

  /** The next load is from this source. */
  redeclare(source: PluginSource): void {
    this.#table.get(source.name).source = source;
  }

  has(name: string): boolean {
    return this.#table.has(name);
  }

  /** All known plugins, in the order of their declaration. */
  list(): readonly PluginStatus[] {
    return this.#table.all.map(statusOf);
  }

  /** Throws `plugin_not_found`. */
  status(name: string): PluginStatus {
    return statusOf(this.#table.get(name));
  }

  /** Throws why a plugin that must run does not. */
  demandRunning(name: string): void {
    const { life, error } = this.#table.get(name);
    if (life.state === 'running') return;
    throw error ?? new GolekError('plugin_failed', `plugin '${name}' is ${life.state}`);
  }

  /** Starts all that are registered, each after what it needs. One that cannot start is `failed` with its reason and keeps only those that need it from starting. */
  startAll(): Promise<void> {
    return this.#turns.take(() =>
      this.#starts.start(this.#table.all.filter(({ life }) => life.state === 'registered')),
    );
  }

  /** Throws why it could not start; plugins that waited for it start with it. */
  start(name: string): Promise<void> {
    return this.#turns.take(() => this.#starts.startNamed(name));
  }

  /** Puts the code as it is now into effect: replaces a running plugin, starts another. Throws why it could not; a running version stays in effect then. */
  reload(name: string): Promise<void> {
    return this.#turns.take(async () => {
      const record = this.#table.get(name);
      if (record.life.state !== 'running') return this.#starts.startNamed(name);
      await this.#starts.replace(record);
      await this.#starts.startWaiting();
    });
  }

  /**
   * Takes a plugin out of effect at once; resolves when the last call that used it has ended and it has stopped. Throws `conflict` when running plugins need it and
   * `force` is not set; with `force` they stop before it.
   */
  async stop(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const { done } = await this.#turns.take(() => this.#exits.takeOutNamed(name, force));
    await done;
  }

  /** Stops a plugin and keeps it from being started. */
  async disable(name: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const record = this.#table.get(name);
    if (record.life.state === 'disabled') return;
    if (!record.life.may('disabled')) await this.stop(name, options);
    await this.#turns.take(async () => {
      record.life.enter('disabled');
      record.waiting = false;
    });
  }

  /** Lets a disabled plugin start, and starts it. */
  enable(name: string): Promise<void> {
    return this.#turns.take(async () => {
      const { life } = this.#table.get(name);
      if (life.state === 'disabled') life.enter('registered');
      if (life.state !== 'running') await this.#starts.startNamed(name);
    });
  }

  /** Stops a plugin, and those that need it, and forgets it. */
  async forget(name: string): Promise<void> {
    const { done } = await this.#turns.take(async () => {
      const { instance, stopping } = this.#table.get(name);
      const idle = { done: stopping ?? Promise.resolve() };
      return instance && !stopping ? this.#exits.takeOutNamed(name, true) : idle;
    });
    await done;
    await this.#turns.take(async () => {
      if (this.#table.has(name) && !this.#table.get(name).instance) this.#table.delete(name);
    });
  }

  /** Asks every running plugin how it is. */
  async checkHealth(): Promise<void> {
    const { healthLimitMs } = this.#options.settings();
    await Promise.all(this.#table.all.map((record) => this.#reports.checkHealth(record, healthLimitMs)));
  }

  /** Stops all, those that are needed after those that need them. */
  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const reason = new GolekError('shutting_down', 'the runtime is stopping');
    this.#closing.abort(reason);
    await this.#turns.close(reason);
    const { order, refused } = planStart(this.#table.running(), []);
    const names = [...order, ...refused.keys()].map(({ name }) => name).reverse();
    await this.#exits.takeOut(names.map((name) => this.#table.get(name))).done;
    await Promise.all(
      this.#table.all.flatMap(({ retiring, stopping }) => [...retiring, ...(stopping ? [stopping] : [])]),
    );
  }
}
