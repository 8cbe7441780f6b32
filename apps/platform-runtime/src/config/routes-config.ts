import { GolekError, ModelRoute } from '@golek/api';
import { refuseCircle } from '@golek/kernel';
import { configSection } from '@golek/system';
import { z } from 'zod';

const MAX_ROUTES = 1000;

export const routesConfig = configSection(
  'routes',
  z
    .array(ModelRoute)
    .max(MAX_ROUTES)
    .superRefine((routes, context) => {
      const named = new Map(routes.map((route) => [route.name, route]));
      if (named.size < routes.length) context.addIssue({ code: 'custom', message: 'two routes have the same name' });
      try {
        refuseCircle(named);
      } catch (thrown) {
        context.addIssue({ code: 'custom', message: GolekError.from(thrown).message });
      }
    })
    .default([])
    .meta({ live: true })
    .describe(
      'Names that stand for one or more models, and how requests are spread over these: aliases, load balancing, failover, canaries. See docs/guide/routing.md.',
    ),
);
