import { isolatedPlugin, PluginRegistry, type PluginLoader } from '@golek/kernel';
import {
  CONFIGURATION_MANAGER,
  LOG,
  PLUGINS,
  pluginsModule,
  serviceToken,
  type Configuration,
  type SystemModule,
} from '@golek/system';
import { pluginsConfig } from '../config/plugins-config.ts';
import { pluginRoutes } from '../http/admin/plugin-routes.ts';
import { loadPlugin } from '../plugins/load-plugin.ts';
import { pluginProblems } from '../plugins/plugin-problems.ts';
import { pluginPlaces, type PluginHome } from '../plugins/plugin-places.ts';
import { HEALTH_REPORTS, HTTP_ROUTES } from './http-module.ts';

export const PLUGIN_REGISTRY = serviceToken<PluginRegistry>('plugin registry');

/** Loads an untrusted plugin with what the operator grants it. */
const loadIsolatedPlugin =
  (configuration: Configuration): PluginLoader =>
  async ({ name, file, root, kind }, { signal }) => {
    const { isolated } = configuration.get(pluginsConfig);
    const { memoryMb, ...granted } = isolated[name] ?? {};
    const limits = memoryMb === undefined ? {} : { memoryMb };
    // A single file is alone: what lies beside it is other plugins.
    const own = kind === 'file' ? file : root;
    return { plugin: await isolatedPlugin({ file, root: own, signal, ...granted, limits }) };
  };

/** The plugins on disk: found and started with the platform, followed while it runs, administered over HTTP. */
export const pluginModules = (home: PluginHome, configuration: Configuration): readonly SystemModule[] => [
  pluginsModule({
    settings: () => {
      const { startLimitMs, stopLimitMs, drainLimitMs, healthLimitMs, options } = configuration.get(pluginsConfig);
      return { startLimitMs, stopLimitMs, drainLimitMs, healthLimitMs, options };
    },
    healthIntervalMs: () => configuration.get(pluginsConfig).healthIntervalMs,
  }),
  {
    name: 'plugin-registry',
    config: [pluginsConfig],
    register: (registrar) => {
      let following: Disposable | undefined;
      registrar.register({
        token: PLUGIN_REGISTRY,
        needs: [PLUGINS, CONFIGURATION_MANAGER, LOG],
        create: (manager, changes, log) =>
          new PluginRegistry({
            manager,
            log,
            settings: () => {
              const { disabled, isolated, watch, options } = configuration.get(pluginsConfig);
              return {
                ...pluginPlaces(configuration, home),
                disabled,
                isolated: Object.keys(isolated),
                watch,
                options,
              };
            },
            load: loadPlugin,
            loadIsolated: loadIsolatedPlugin(configuration),
            saveDisabled: async (names) => {
              await changes.set('plugins.disabled', names, { signal: AbortSignal.timeout(10_000) });
            },
          }),
        start: async (registry) => {
          await registry.start();
          following = configuration.watch(pluginsConfig, () => void registry.configured().catch(() => undefined), {
            keys: ['disabled', 'options', 'watch'],
          });
        },
        stop: async (registry) => {
          following?.[Symbol.dispose]();
          await registry[Symbol.asyncDispose]();
        },
      });
      registrar.contribute({
        to: HTTP_ROUTES,
        name: 'plugins',
        needs: [PLUGIN_REGISTRY, PLUGINS],
        create: (registry, manager) => pluginRoutes({ registry, manager }),
      });
      registrar.contribute({
        to: HEALTH_REPORTS,
        name: 'plugins',
        needs: [PLUGINS],
        create: (manager) => () => pluginProblems(manager.list()),
      });
    },
  },
];
