import type { Configuration } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import { baseOf, expandPath } from '../config/platform-config.ts';
import type { PlatformModel } from './platform-model.ts';

/** The models of `models.list`; `file` is the configuration file, to which paths in it are relative. */
export const configuredModels = (configuration: Configuration, file: string | undefined): readonly PlatformModel[] => {
  const base = baseOf(configuration, 'models.list', file);
  return configuration
    .get(modelsConfig)
    .list.map(({ name, path, provider, model = name, options }) =>
      provider === undefined
        ? { source: { name, location: expandPath(path ?? name, base), options } }
        : { source: { name, location: model, options }, provider },
    );
};
