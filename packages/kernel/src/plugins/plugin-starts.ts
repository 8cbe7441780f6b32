import { GolekError } from '@golek/api';
import { NOTHING } from './plugin-contributions.ts';
import { planStart } from './plugin-dependencies.ts';
import type { PluginExits, PluginExitsParts } from './plugin-exits.ts';
import { releaseLoaded } from './plugin-instance.ts';
import { runningInstance, type PluginRecord } from './plugin-record.ts';
import type { LoadedPlugin } from './plugin-source.ts';
import { checkForDependents, loadVersion, putIntoEffect } from './plugin-versions.ts';

/** Old versions of one plugin that may wait for their calls; each keeps its code and what it holds in memory. */
const MAX_RETIRING = 64;

/** How plugins come into effect: each after what it needs, or in place of an older version. */
export class PluginStarts {
  readonly #parts: PluginExitsParts;
  readonly #exits: PluginExits;

  constructor(parts: PluginExitsParts, exits: PluginExits) {
    this.#parts = parts;
    this.#exits = exits;
  }

  /** Throws why it could not start; plugins that waited for it start with it. */
  async startNamed(name: string): Promise<void> {
    const record = this.#parts.table.get(name);
    if (record.life.state === 'disabled') {
      throw new GolekError('conflict', `plugin '${name}' is disabled; enable it first: golek plugins enable ${name}`);
    }
    await this.start([record]);
    if (!record.instance && record.error) throw record.error;
    await this.startWaiting();
  }

  /** Starts those that waited for a plugin that runs now. */
  async startWaiting(): Promise<void> {
    const { table } = this.#parts;
    for (;;) {
      const waiting = table.all.filter(({ waiting, life }) => waiting && life.may('starting'));
      const needs = waiting.flatMap((record) => record.needs ?? []);
      const { order } = planStart(needs, table.running(), table.unavailable());
      if (order.length === 0) return;
      const names = new Set(order.map(({ name }) => name));
      const ready = waiting.filter(({ source }) => names.has(source.name));
      await this.start(ready);
      if (!ready.some(({ instance }) => instance)) return;
    }
  }

  /** Starts these, each after what it needs. One that cannot start is `failed` with its reason and keeps only those that need it from starting. */
  async start(records: readonly PluginRecord[]): Promise<void> {
    const { table, reports } = this.#parts;
    for (const record of records) {
      record.life.enter('starting');
      record.waiting = false;
    }
    const loads = await Promise.all(
      records.map(async (record): Promise<readonly [string, LoadedPlugin] | undefined> => {
        try {
          return [record.source.name, await this.#load(record)];
        } catch (thrown) {
          reports.down(record, GolekError.from(thrown, 'plugin_failed'));
          return undefined;
        }
      }),
    );
    const loaded = new Map(loads.filter((load) => load !== undefined));
    const plugins = [...loaded.values()].map(({ plugin }) => plugin);
    const { order, refused } = planStart(plugins, table.running(), table.unavailable());
    for (const [{ name }, error] of refused) await this.#refuse(table.get(name), loaded.get(name), error);
    for (const { name } of order) {
      const version = loaded.get(name);
      if (version) await this.#startLoaded(table.get(name), version);
    }
  }

  /** Puts the code of a running plugin as it is now in the place of what runs. Throws why it could not; the running version stays in effect then. */
  async replace(record: PluginRecord): Promise<void> {
    const { table, reports, options, closing } = this.#parts;
    const old = runningInstance(record);
    record.life.enter('replacing');
    try {
      if (record.retiring.size >= MAX_RETIRING) {
        throw new GolekError(
          'overloaded',
          `${MAX_RETIRING} older versions of plugin '${record.source.name}' wait for calls that use them; reload it when those have ended`,
        );
      }
      const loaded = await this.#load(record);
      try {
        const others = table.running().filter(({ name }) => name !== loaded.plugin.name);
        const [refused] = planStart([loaded.plugin], others, table.unavailable()).refused.values();
        if (refused) throw refused;
        checkForDependents(loaded.plugin, old.plugin, others);
      } catch (thrown) {
        await releaseLoaded(loaded, options.settings().stopLimitMs, options.log);
        throw thrown;
      }
      const { instance, drained } = await putIntoEffect(loaded, old.contributions, options, closing);
      old.unlisten();
      instance.listen();
      record.instance = instance;
      record.health = undefined;
      record.replacements += 1;
      this.#exits.retire(record, old, drained);
      record.error = undefined;
      reports.replaced(instance.plugin, old.plugin.version);
    } catch (thrown) {
      const error = GolekError.from(thrown, 'plugin_failed');
      reports.failed(record, error);
      throw error;
    } finally {
      record.life.enter('running');
    }
  }

  async #startLoaded(record: PluginRecord, loaded: LoadedPlugin): Promise<void> {
    const { table, reports, options, closing } = this.#parts;
    // What it needs may have failed since the plan was made.
    const [late] = planStart([loaded.plugin], table.running(), table.unavailable()).refused.values();
    if (late) return this.#refuse(record, loaded, late);
    try {
      const { instance } = await putIntoEffect(loaded, NOTHING, options, closing);
      record.instance = instance;
      instance.listen();
    } catch (thrown) {
      return reports.down(record, GolekError.from(thrown, 'plugin_failed'));
    }
    record.life.enter('running');
    record.error = undefined;
    reports.started(loaded.plugin, record.source.origin);
  }

  async #load(record: PluginRecord): Promise<LoadedPlugin> {
    const loaded = await loadVersion(record.source, this.#parts.options, this.#parts.closing);
    const { name, version, golek, requires } = loaded.plugin;
    // A copy: the record must not keep the code of an old version.
    record.needs = {
      name,
      version,
      ...(golek !== undefined && { golek }),
      ...(requires && { requires: { ...requires } }),
    };
    return loaded;
  }

  async #refuse(record: PluginRecord, loaded: LoadedPlugin | undefined, error: GolekError): Promise<void> {
    const { options, reports } = this.#parts;
    if (loaded) await releaseLoaded(loaded, options.settings().stopLimitMs, options.log);
    record.waiting = true;
    reports.down(record, error);
  }
}
