import type { InterceptorContribution } from '@golek/plugins-api';
import type { ModelCatalogue } from './model-catalogue.ts';

/** ROUTE: a request for a model whose file cannot be used is answered with the reason rather than with `model_not_found`. */
export const failedModelsPhase = (catalogue: Pick<ModelCatalogue, 'failureOf'>): InterceptorContribution => ({
  phase: 'ROUTE',
  name: 'platform.failed-models',
  order: -1,
  retryable: false,
  intercept: (next) => (call) => {
    const error = catalogue.failureOf(call.request.model);
    if (error) throw error;
    return next(call);
  },
});
