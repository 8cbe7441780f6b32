import { EXPOSITION_TYPES, expositionFormat, prometheusText, type MetricRegistry } from '@golek/kernel';
import { z } from 'zod';
import type { Route, RouteScope } from '../route.ts';

/** GET /metrics, for Prometheus and whatever reads its formats. */
export const metricsRoutes = (registry: Pick<MetricRegistry, 'collect'>, scope: RouteScope): Route[] => [
  {
    method: 'GET',
    path: '/metrics',
    scope,
    operation: {
      summary: 'All metrics in the text format of Prometheus, or in OpenMetrics where the `accept` header prefers it.',
      tag: 'operation',
      response: z.string(),
      mediaType: 'text/plain',
    },
    handle: (exchange) => {
      const format = expositionFormat(exchange.request.headers.accept);
      exchange.sendText(200, prometheusText(registry.collect(), format), { 'content-type': EXPOSITION_TYPES[format] });
    },
  },
];
