import type { ReliabilityManager } from '@golek/system';
import { TargetStatus, TargetStatuses } from '../../reliability/target-status.ts';
import type { Route } from '../route.ts';

/** Seeing how targets stand, and closing a breaker by hand. */
export const reliabilityRoutes = (reliability: Pick<ReliabilityManager, 'states' | 'reset'>): readonly Route[] => [
  {
    method: 'GET',
    path: '/admin/v1/targets',
    scope: 'admin',
    operation: {
      summary: 'List the models with breaker, load, retry budget and policy.',
      tag: 'administration',
      response: TargetStatuses,
    },
    handle: (exchange) => exchange.sendJson(200, { targets: reliability.states() }),
  },
  {
    method: 'POST',
    path: '/admin/v1/targets/:model/reset',
    scope: 'admin',
    operation: {
      summary: 'Close the breaker of a model and give its retry budget back.',
      tag: 'administration',
      parameters: { model: 'Registered name of the model.' },
      response: TargetStatus,
    },
    handle: (exchange) => exchange.sendJson(200, reliability.reset(exchange.parameters['model'] ?? '')),
  },
];
