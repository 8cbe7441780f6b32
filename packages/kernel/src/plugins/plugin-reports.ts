import type { GolekError } from '@golek/api';
import type { Plugin, PluginHealth } from '@golek/plugins-api';
import type { PluginRecord } from './plugin-record.ts';
import type { PluginManagerOptions } from './plugin-settings.ts';

const OK: PluginHealth = Object.freeze({ status: 'ok' });

/** Tells log and event bus what becomes of plugins. */
export class PluginReports {
  readonly #options: Pick<PluginManagerOptions, 'log' | 'events'>;

  constructor(options: Pick<PluginManagerOptions, 'log' | 'events'>) {
    this.#options = options;
  }

  started({ name, version }: Plugin, origin: string): void {
    this.#options.log.info({ plugin: name, version, origin }, 'plugin started');
    this.#options.events.publish({ type: 'plugin.started', plugin: name, version });
  }

  replaced({ name, version }: Plugin, previous: string): void {
    this.#options.log.info({ plugin: name, version, previous }, 'plugin replaced');
    this.#options.events.publish({ type: 'plugin.replaced', plugin: name, version, previous });
  }

  stopped({ name, version }: Plugin): void {
    this.#options.log.info({ plugin: name, version }, 'plugin stopped');
    this.#options.events.publish({ type: 'plugin.stopped', plugin: name, version });
  }

  /** The plugin has failed and does not run. */
  down(record: PluginRecord, error: GolekError): void {
    record.life.enter('failed');
    this.failed(record, error);
  }

  /** Something of the plugin failed; its state stays. */
  failed(record: PluginRecord, error: GolekError): void {
    record.error = error;
    const { source, instance, needs, life } = record;
    const version = needs?.version ?? instance?.plugin.version ?? 'unknown';
    this.#options.log.error({ plugin: source.name, version, state: life.state, err: error }, 'plugin failed');
    const { code, message } = error;
    this.#options.events.publish({ type: 'plugin.failed', plugin: source.name, version, error: { code, message } });
  }

  /** Asks a running plugin how it is, and tells a change. */
  async checkHealth(record: PluginRecord, limitMs: number): Promise<void> {
    const { instance } = record;
    if (!instance) return;
    const before = record.health ?? OK;
    const health = instance.hasHealth ? await instance.health(limitMs) : OK;
    // Replaced or stopped while it was asked.
    if (record.instance !== instance) return;
    record.health = health;
    if (health.status === before.status) return;
    const { name, version } = instance.plugin;
    const { status, reason } = health;
    this.#options.events.publish({
      type: 'plugin.health',
      plugin: name,
      version,
      status,
      ...(reason !== undefined && { reason }),
    });
  }
}
