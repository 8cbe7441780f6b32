import {
  CONFIGURATION,
  EXTENSIONS,
  LOG,
  MODELS,
  PHASES,
  PROVIDERS,
  serviceToken,
  SESSIONS,
  type SystemModule,
} from '@golek/system';
import { failedModelsPhase } from '../models/failed-models-phase.ts';
import { ModelCatalogue } from '../models/model-catalogue.ts';
import { ModelFollower } from '../models/model-follower.ts';
import type { PlatformModel } from '../models/platform-model.ts';

export const CATALOGUE = serviceToken<ModelCatalogue>('model catalogue');
const FOLLOWER = serviceToken<ModelFollower>('model follower');

export interface ModelsModuleOptions {
  /** Models that there are at the start. */
  readonly models: readonly PlatformModel[];
  /** Configuration file: paths in its `models.list` are relative to it. */
  readonly file?: string | undefined;
}

/**
 * Looks at models at start and registers those that can be used; a broken one never stops the start. Follows `models.list`, and the providers that plugins
 * bring, while the platform works.
 */
export const modelsModule = ({ models, file }: ModelsModuleOptions): SystemModule => ({
  name: 'models',
  register: (registrar) => {
    registrar.register({
      token: CATALOGUE,
      needs: [PROVIDERS, MODELS, LOG],
      create: (providers, registry, log) => new ModelCatalogue({ models, providers, registry, log }),
      start: (catalogue, signal) => catalogue.load(signal),
    });
    registrar.register({
      token: FOLLOWER,
      needs: [CATALOGUE, SESSIONS, EXTENSIONS, CONFIGURATION, LOG],
      create: (catalogue, sessions, { providers }, configuration, log) =>
        new ModelFollower({ catalogue, sessions, providers, configuration, file, log }),
      start: (follower) => follower.start(),
    });
    registrar.contribute({ to: PHASES, name: 'failed-models', needs: [CATALOGUE], create: failedModelsPhase });
  },
});
