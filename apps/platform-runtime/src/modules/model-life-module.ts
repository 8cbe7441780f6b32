import { CONFIGURATION, MODELS, SESSIONS, serviceToken, type SystemModule } from '@golek/system';
import { modelsConfig } from '../config/models-config.ts';
import { modelRoutes } from '../http/admin/model-routes.ts';
import { lifeSettings } from '../models/life-settings.ts';
import { HTTP_ROUTES } from './http-module.ts';

const LIFE_CHANGES = serviceToken<Disposable>('changes of model life');

/** How long models stay follows the configuration; the models in memory, on the server. */
export const modelLifeModule: SystemModule = {
  name: 'model-life',
  register: (registrar) => {
    registrar.register({
      token: LIFE_CHANGES,
      needs: [SESSIONS, CONFIGURATION],
      create: (sessions, configuration) =>
        configuration.watch(modelsConfig, (config) => sessions.configure(lifeSettings(config)), {
          keys: ['keepAlive', 'maxLoaded', 'memoryLimitBytes', 'roomWaitMs', 'list'],
        }),
    });
    registrar.contribute({
      to: HTTP_ROUTES,
      name: 'models',
      needs: [MODELS, SESSIONS, CONFIGURATION],
      create: (models, sessions, configuration) =>
        modelRoutes({ models, sessions, life: () => lifeSettings(configuration.get(modelsConfig)) }),
    });
  },
};
