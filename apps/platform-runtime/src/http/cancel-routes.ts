import type { Engine } from '@golek/kernel';
import { z } from 'zod';
import type { Route } from './route.ts';

const Cancelled = z
  .strictObject({ id: z.string(), cancelled: z.int().describe('Runs that were ended; 0 when none was in progress.') })
  .meta({ id: 'CancelledRequest' });

/** Ending a request from outside its connection. */
export const cancelRoutes = (engine: Pick<Engine, 'cancel'>): readonly Route[] => [
  {
    method: 'DELETE',
    path: '/v1/requests/:id',
    scope: 'inference',
    operation: {
      summary:
        "End a request in progress, by the `x-request-id` of its answer: one's own tenant's, or any for an administrator.",
      tag: 'inference',
      parameters: { id: 'Id of the request.' },
      response: Cancelled,
    },
    handle: (exchange) => {
      const { parameters, principal } = exchange;
      const id = parameters['id'] ?? '';
      const any = principal.scopes.includes('admin');
      const cancelled = engine.cancel(id, (call) => any || call.principal.tenant === principal.tenant);
      exchange.sendJson(200, { id, cancelled });
    },
  },
];
