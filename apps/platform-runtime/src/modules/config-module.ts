import {
  CONFIGURATION_MANAGER,
  configurationModule,
  type ConfigurationModuleOptions,
  type SystemModule,
} from '@golek/system';
import { configRoutes } from '../http/admin/config-routes.ts';
import { HTTP_ROUTES } from './http-module.ts';

/** What a configuration follows while the platform works: the file, and the store of what is set. */
export interface LiveConfiguration extends ConfigurationModuleOptions {
  /** Absolute path of the data folder. */
  readonly home?: string;
}

/** Live configuration, and its routes on the server. */
export const configModules = (live: LiveConfiguration): readonly SystemModule[] => [
  configurationModule(live),
  {
    name: 'configuration-routes',
    register: (registrar, { configuration }) =>
      registrar.contribute({
        to: HTTP_ROUTES,
        name: 'configuration',
        needs: [CONFIGURATION_MANAGER],
        create: (manager) => configRoutes({ configuration, manager, home: live.home }),
      }),
  },
];
