import {
  CONFIGURATION_MANAGER,
  LOG,
  MODELS,
  RELIABILITY,
  serviceToken,
  TARGET_STATS,
  type SystemModule,
} from '@golek/system';
import { routesConfig } from '../config/routes-config.ts';
import { routeRoutes } from '../http/admin/route-routes.ts';
import { ConfiguredRoutes } from '../routes/configured-routes.ts';
import { HTTP_ROUTES } from './http-module.ts';
import { FOLLOWER } from './models-module.ts';

const ROUTES = serviceToken<ConfiguredRoutes>('configured routes');

/** Routes of the configuration, and their administration. They are set up when the models are known. */
export const routesModule: SystemModule = {
  name: 'routes',
  config: [routesConfig],
  register: (registrar, { configuration }) => {
    registrar.register({
      token: ROUTES,
      needs: [MODELS, CONFIGURATION_MANAGER, LOG, FOLLOWER],
      create: (models, manager, log) => new ConfiguredRoutes({ configuration, manager, models, log }),
      start: (routes) => routes.start(),
      stop: (routes) => routes[Symbol.dispose](),
    });
    registrar.contribute({
      to: HTTP_ROUTES,
      name: 'routes',
      needs: [ROUTES, MODELS, TARGET_STATS, RELIABILITY],
      create: (configured, models, stats, { guards }) =>
        routeRoutes({ configured, models, stats, blocked: (model) => guards.blocked(model) }),
    });
  },
};
