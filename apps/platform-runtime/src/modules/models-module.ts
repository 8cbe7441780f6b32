import type { ModelSource } from '@golek/providers-spi';
import { LOG, MODELS, PHASES, PROVIDERS, serviceToken, type SystemModule } from '@golek/system';
import { failedModelsPhase } from '../models/failed-models-phase.ts';
import { ModelCatalogue } from '../models/model-catalogue.ts';

export const CATALOGUE = serviceToken<ModelCatalogue>('model catalogue');

/** Looks into model files at start and registers those that can be used. A broken file never stops the start. */
export const modelsModule = (sources: readonly ModelSource[]): SystemModule => ({
  name: 'models',
  register: (registrar) => {
    registrar.register({
      token: CATALOGUE,
      needs: [PROVIDERS, MODELS, LOG],
      create: (providers, models, log) => new ModelCatalogue({ sources, providers, models, log }),
      start: (catalogue, signal) => catalogue.load(signal),
    });
    registrar.contribute({ to: PHASES, name: 'failed-models', needs: [CATALOGUE], create: failedModelsPhase });
  },
});
