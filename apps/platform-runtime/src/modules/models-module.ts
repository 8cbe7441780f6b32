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
import { listedModelsOf, upstreamsConfig } from '../config/upstreams-config.ts';
import { failedModelsPhase } from '../models/failed-models-phase.ts';
import { ModelCatalogue } from '../models/model-catalogue.ts';
import { ModelFollower } from '../models/model-follower.ts';
import type { PlatformModel } from '../models/platform-model.ts';
import { UpstreamLists } from '../models/upstream-lists.ts';

export const CATALOGUE = serviceToken<ModelCatalogue>('model catalogue');
/** Who needs it starts when the models of upstreams are known, as far as these answer within two seconds. */
export const FOLLOWER = serviceToken<ModelFollower>('model follower');
export const LISTS = serviceToken<UpstreamLists>('lists of upstreams');

export interface ModelsModuleOptions {
  /** Models that there are at the start. */
  readonly models: readonly PlatformModel[];
  /** Whether the models that upstreams list are served, where `upstreams[].models` asks for it. */
  readonly discover: boolean;
  /** Configuration file: paths in its `models.list` are relative to it. */
  readonly file?: string | undefined;
}

/**
 * Looks at models at start and registers those that can be used; a broken one never stops the start. Follows `models.list`, the lists of
 * upstreams, and the providers that plugins bring, while the platform works.
 */
export const modelsModule = ({ models, discover, file }: ModelsModuleOptions): SystemModule => ({
  name: 'models',
  register: (registrar, { configuration: settings }) => {
    registrar.register({
      token: CATALOGUE,
      needs: [PROVIDERS, MODELS, LOG],
      create: (providers, registry, log) => new ModelCatalogue({ models, providers, registry, log }),
      start: (catalogue, signal) => catalogue.load(signal),
    });
    registrar.register({
      token: LISTS,
      needs: [PROVIDERS, LOG],
      create: (providers, log) => {
        const upstreams = settings.get(upstreamsConfig).flatMap((upstream) => {
          const wanted = listedModelsOf(upstream);
          const provider = providers.find(({ id }) => id === upstream.id);
          return discover && wanted && provider ? [{ provider, settings: wanted }] : [];
        });
        return new UpstreamLists({ upstreams, log });
      },
    });
    registrar.register({
      token: FOLLOWER,
      needs: [CATALOGUE, LISTS, SESSIONS, EXTENSIONS, CONFIGURATION, LOG],
      create: (catalogue, lists, sessions, { providers }, configuration, log) =>
        new ModelFollower({ models, catalogue, lists, sessions, providers, configuration, file, log }),
      start: (follower, signal) => follower.start(signal),
    });
    registrar.contribute({ to: PHASES, name: 'failed-models', needs: [CATALOGUE], create: failedModelsPhase });
  },
});
