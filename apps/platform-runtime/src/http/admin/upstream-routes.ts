import { UpstreamStates } from '../../models/upstream-state.ts';
import type { Route } from '../route.ts';

/** Seeing which models services list, and what became of them. */
export const upstreamRoutes = (states: () => UpstreamStates): readonly Route[] => [
  {
    method: 'GET',
    path: '/admin/v1/upstreams',
    scope: 'admin',
    operation: {
      summary:
        'List the upstreams whose lists of models are served: which models there are, which are left out and why.',
      tag: 'administration',
      response: UpstreamStates,
    },
    handle: (exchange) => exchange.sendJson(200, states()),
  },
];
