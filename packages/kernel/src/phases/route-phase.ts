import type { InterceptorContribution } from '@golek/plugins-api';
import type { ModelRegistry } from '../models/model-registry.ts';
import { plan } from '../routing/plan.ts';
import { routingView, type RoutingViewParts } from '../routing/routing-view.ts';

/** ROUTE: puts the routing decision on the call. */
export const routePhase = (
  models: Pick<ModelRegistry, 'resolve' | 'names' | 'routes'>,
  parts: Omit<RoutingViewParts, 'routes'> = {},
): InterceptorContribution => {
  const view = routingView({ routes: models.routes, ...parts });
  return {
    phase: 'ROUTE',
    name: 'golek.route',
    // What failed once fails again.
    retryable: false,
    intercept: (next) => (call) => next(Object.freeze({ ...call, routing: plan(call, models, view) })),
  };
};
