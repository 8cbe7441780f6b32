import path from 'node:path';
import type { PluginPlaces } from '@golek/kernel';
import type { Configuration } from '@golek/system';
import { baseOf, expandPath } from '../config/platform-config.ts';
import { pluginsConfig } from '../config/plugins-config.ts';

export interface PluginHome {
  /** Absolute path of the data folder; absent: there is none. */
  readonly home?: string | undefined;
  /** Absolute path of the configuration file. */
  readonly file?: string | undefined;
}

/** Where the configuration says that plugins are, as absolute paths. */
export const pluginPlaces = (configuration: Configuration, { home, file }: PluginHome): PluginPlaces => {
  const { folders, packages } = configuration.get(pluginsConfig);
  const base = baseOf(configuration, 'plugins.folders', file);
  const own = home === undefined ? [] : [path.join(home, 'plugins')];
  return {
    folders: [...new Set([...own, ...folders.map((folder) => expandPath(folder, base))])],
    packages,
    packagesFrom: baseOf(configuration, 'plugins.packages', file),
  };
};
