import { absentPlugins, discoverPlugins } from '@golek/kernel';
import type { PlatformSettings } from '../config/platform-config.ts';
import { pluginsConfig } from '../config/plugins-config.ts';
import { pluginPlaces } from './plugin-places.ts';

/** A sentence for each setting of a plugin that a server with this configuration would not find. */
export const absentPluginsIn = async ({
  configuration,
  data,
  configFile,
}: PlatformSettings): Promise<readonly string[]> => {
  const { options, disabled, isolated } = configuration.get(pluginsConfig);
  const settings = { options, disabled, isolated: Object.keys(isolated) };
  const { entries } = await discoverPlugins(pluginPlaces(configuration, { home: data.root, file: configFile }));
  return absentPlugins(
    settings,
    entries.map(({ name }) => name),
  );
};
