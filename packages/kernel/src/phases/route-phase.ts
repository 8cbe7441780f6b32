import type { InterceptorContribution } from '@golek/plugins-api';
import { plan, type Catalogue } from '../routing/plan.ts';

/** ROUTE: puts the routing decision on the call. */
export const routePhase = (catalogue: Catalogue): InterceptorContribution => ({
  phase: 'ROUTE',
  name: 'golek.route',
  // Planning is pure: what failed once fails again.
  retryable: false,
  intercept: (next) => (call) => next(Object.freeze({ ...call, routing: plan(call.request, catalogue) })),
});
