import { createCall, PluginManager, type PluginSettings, type PluginSource } from '@golek/kernel';
import { ENGINE, EVENTS, EXTENSIONS } from '../kernel-module.ts';
import { serviceToken } from '../registry/service-token.ts';
import { LOG } from '../system.ts';
import type { SystemModule } from '../system-module.ts';

/** Starts, replaces and stops plugins while the system works. */
export const PLUGINS = serviceToken<PluginManager>('plugins');

export const DEFAULT_PLUGIN_SETTINGS: PluginSettings = Object.freeze({
  startLimitMs: 10_000,
  stopLimitMs: 5_000,
  drainLimitMs: 600_000,
  healthLimitMs: 2_000,
  options: {},
});

/** Every plugin may use its whole time to stop. */
const STOP_LIMIT_MS = 60_000;

export interface PluginsModuleOptions {
  /** Plugins that are there from the start, and must start: the system does not start without them. */
  readonly plugins?: readonly PluginSource[];
  /** Read anew for each operation. */
  readonly settings?: () => PluginSettings;
  /** Time between two rounds of health checks, milliseconds; absent: they are asked only when `checkHealth` is called. */
  readonly healthIntervalMs?: () => number;
}

/** The plugin manager over the kernel of the system. Services that need PLUGINS start after the plugins that are given here. */
export const pluginsModule = ({
  plugins = [],
  settings = () => DEFAULT_PLUGIN_SETTINGS,
  healthIntervalMs,
}: PluginsModuleOptions = {}): SystemModule => ({
  name: 'plugins',
  register: (registrar) => {
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    const watchHealth = async (manager: PluginManager, interval: () => number): Promise<void> => {
      await manager.checkHealth();
      if (stopped) return;
      timer = setTimeout(() => void watchHealth(manager, interval), interval()).unref();
    };
    registrar.register({
      token: PLUGINS,
      needs: [EXTENSIONS, EVENTS, ENGINE, LOG],
      create: (extensions, events, engine, log) =>
        new PluginManager({
          extensions,
          events,
          settings,
          log,
          infer: (request, { signal, protocol }) => engine.run(createCall({ request, signal, protocol })),
        }),
      start: async (manager) => {
        for (const plugin of plugins) manager.declare(plugin);
        await manager.startAll();
        for (const { name } of plugins) manager.demandRunning(name);
        if (healthIntervalMs) void watchHealth(manager, healthIntervalMs);
      },
      stop: async (manager) => {
        stopped = true;
        clearTimeout(timer);
        await manager[Symbol.asyncDispose]();
      },
      stopLimitMs: STOP_LIMIT_MS,
    });
  },
});
