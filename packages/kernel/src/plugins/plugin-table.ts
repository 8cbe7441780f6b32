import { GolekError, nearest } from '@golek/api';
import type { Plugin } from '@golek/plugins-api';
import { newRecord, type PluginRecord } from './plugin-record.ts';
import type { PluginSource } from './plugin-source.ts';

/** The plugins that are known, in the order of their declaration. */
export class PluginTable {
  readonly #records = new Map<string, PluginRecord>();

  /** Throws `plugin_invalid` when the name is taken. */
  declare(source: PluginSource, disabled: boolean): void {
    const other = this.#records.get(source.name);
    if (other) {
      throw new GolekError(
        'plugin_invalid',
        `two plugins are named '${source.name}': ${other.source.origin} and ${source.origin}; remove or rename one`,
        { details: { plugin: source.name } },
      );
    }
    this.#records.set(source.name, newRecord(source, disabled));
  }

  has(name: string): boolean {
    return this.#records.has(name);
  }

  /** Throws `plugin_not_found`. */
  get(name: string): PluginRecord {
    const record = this.#records.get(name);
    if (record) return record;
    const hint = nearest(name, this.#records.keys());
    throw new GolekError('plugin_not_found', `no plugin is named '${name}'${hint ? `; did you mean '${hint}'?` : ''}`);
  }

  delete(name: string): void {
    this.#records.delete(name);
  }

  get all(): readonly PluginRecord[] {
    return [...this.#records.values()];
  }

  /** Those that others may depend on. */
  running(): readonly Plugin[] {
    return this.all.flatMap(({ instance, life }) => (instance && life.state !== 'stopping' ? [instance.plugin] : []));
  }

  /** Why each plugin that does not run cannot be depended on. */
  unavailable(): ReadonlyMap<string, string> {
    return new Map(
      this.all.map(({ source, life, error }) => {
        const failed = life.state === 'failed' && error;
        return [source.name, failed ? `failed: ${error.message}` : `is ${life.state}`];
      }),
    );
  }
}
