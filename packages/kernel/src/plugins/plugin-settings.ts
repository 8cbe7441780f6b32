import type { Log } from '@golek/plugins-api';
import type { EventBus } from '../events/event-bus.ts';
import type { ExtensionPoints } from '../extensions/extension-points.ts';
import type { PluginInference } from './staged-host.ts';

/** Bounds and options of plugins; read anew for each operation. */
export interface PluginSettings {
  /** For loading, and for `setup` and the start functions together, milliseconds. */
  readonly startLimitMs: number;
  /** For each stop function and each disposal, milliseconds. */
  readonly stopLimitMs: number;
  /** How long a stopped or replaced version may wait for the calls that it is in, milliseconds. */
  readonly drainLimitMs: number;
  /** For each health check, milliseconds. */
  readonly healthLimitMs: number;
  /** Raw options by plugin. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface PluginManagerOptions {
  readonly extensions: ExtensionPoints;
  readonly events: Pick<EventBus, 'publish' | 'subscribe'>;
  readonly infer: PluginInference;
  readonly settings: () => PluginSettings;
  readonly log: Log;
}
