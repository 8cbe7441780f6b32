import { GolekError } from '@golek/api';
import { outOfUse } from './out-of-use.ts';
import { contributionChanges, joinContributions, NOTHING } from './plugin-contributions.ts';
import { dependentsOf } from './plugin-dependencies.ts';
import type { PluginInstance } from './plugin-instance.ts';
import { runningInstance, type PluginRecord } from './plugin-record.ts';
import type { PluginReports } from './plugin-reports.ts';
import type { PluginManagerOptions } from './plugin-settings.ts';
import type { PluginTable } from './plugin-table.ts';

export interface PluginExitsParts {
  readonly table: PluginTable;
  readonly reports: PluginReports;
  readonly options: PluginManagerOptions;
  readonly closing: AbortSignal;
}

interface Stopping {
  readonly record: PluginRecord;
  readonly instance: PluginInstance;
}

/** How plugins leave: out of effect in one step, released when the last call that used them has ended. */
export class PluginExits {
  readonly #parts: PluginExitsParts;

  constructor(parts: PluginExitsParts) {
    this.#parts = parts;
  }

  /** Throws `conflict` when running plugins need it; with `force` they leave before it. */
  async takeOutNamed(name: string, force: boolean): Promise<{ done: Promise<void> }> {
    const { table } = this.#parts;
    const record = table.get(name);
    if (record.stopping) return { done: record.stopping };
    const dependents = dependentsOf(name, table.running());
    if (dependents.length > 0 && !force) {
      const names = dependents.map((plugin) => `'${plugin.name}'`).join(', ');
      throw new GolekError(
        'conflict',
        `plugin '${name}' is needed by ${names}; stop those first, or force it to stop them too`,
        { details: { plugin: name, dependents: dependents.map((plugin) => plugin.name) } },
      );
    }
    const others = dependents.map((plugin) => table.get(plugin.name));
    const taken = this.takeOut([...others, record]);
    for (const other of others) other.waiting = true;
    record.waiting = false;
    return taken;
  }

  /** Takes plugins out of effect, in one step; `done` resolves when they have stopped, in the given order. */
  takeOut(records: readonly PluginRecord[]): { done: Promise<void> } {
    const stopping = records.map((record) => ({ record, instance: runningInstance(record) }));
    const gone = joinContributions(stopping.map(({ instance }) => instance.contributions));
    const drained = this.#parts.options.extensions.change(contributionChanges(gone, NOTHING));
    for (const { record, instance } of stopping) {
      record.life.enter('stopping');
      instance.unlisten();
    }
    const done = this.#stopInOrder(stopping, drained);
    for (const { record } of stopping) record.stopping = done;
    return { done };
  }

  /** Lets an old version go once its calls have ended. */
  retire(record: PluginRecord, old: PluginInstance, drained: Promise<void>): void {
    const { options, closing } = this.#parts;
    const { name, version } = old.plugin;
    const retired = (async () => {
      await outOfUse(drained, `${name} ${version}`, options, closing);
      const reason = new GolekError('shutting_down', `plugin '${name}' ${version} was replaced`);
      await old.release(options.settings().stopLimitMs, reason);
    })().finally(() => record.retiring.delete(retired));
    record.retiring.add(retired);
  }

  async #stopInOrder(stopping: readonly Stopping[], drained: Promise<void>): Promise<void> {
    const { options, closing, reports } = this.#parts;
    const names = stopping.map(({ record }) => record.source.name).join(', ');
    await outOfUse(drained, names, options, closing);
    for (const { record, instance } of stopping) {
      const { name } = instance.plugin;
      const reason = new GolekError('shutting_down', `plugin '${name}' was stopped`);
      const problems = await instance.release(options.settings().stopLimitMs, reason);
      record.instance = undefined;
      record.health = undefined;
      record.stopping = undefined;
      record.life.enter('stopped');
      if (problems.length > 0) {
        const error = `plugin '${name}' did not stop well: ${problems.join('; ')}`;
        reports.failed(record, new GolekError('plugin_failed', error));
      }
      reports.stopped(instance.plugin);
    }
  }
}
