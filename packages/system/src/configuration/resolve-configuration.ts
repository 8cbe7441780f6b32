import { Configuration } from './configuration.ts';
import { invalidConfiguration } from './invalid-configuration.ts';
import { resolveLayers, type ConfigurationLayers } from './resolve-layers.ts';

/** Puts the layers together. Throws one `config_invalid` with every problem of every layer, each with its place. */
export const resolveConfiguration = (layers: ConfigurationLayers): Configuration => {
  const resolution = resolveLayers(layers);
  if (resolution.problems.length > 0) throw invalidConfiguration(resolution.problems);
  return new Configuration(layers, resolution);
};
