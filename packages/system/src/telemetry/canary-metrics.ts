import { ATTR, GOLEK_ATTR, type CanarySideStatus, type MetricRegistry, type RouteTable } from '@golek/kernel';

/** The course of all canaries, asked for when metrics are read. */
export const canaryMetrics = (registry: MetricRegistry, routes: Pick<RouteTable, 'names' | 'canary'>): void => {
  const labels = [GOLEK_ATTR.route, ATTR.requestModel];
  const canaries = () =>
    routes.names().flatMap((route) => {
      const canary = routes.canary(route);
      return canary ? [{ route, canary }] : [];
    });
  registry.observe(
    {
      name: 'golek.canary.share',
      description: 'Part of the requests that a canary gets, 0 to 1; 0 after a rollback.',
      unit: '1',
      kind: 'gauge',
      labels,
    },
    () => canaries().map(({ route, canary }) => ({ labels: [route, canary.target], value: canary.share / 100 })),
  );
  const observe = (name: string, description: string, unit: string, read: (side: CanarySideStatus) => number): void => {
    registry.observe({ name, description, unit, kind: 'gauge', labels: [...labels, GOLEK_ATTR.canarySide] }, () =>
      canaries().flatMap(({ route, canary }) =>
        (['canary', 'stable'] as const).map((side) => ({
          labels: [route, canary.target, side],
          value: read(canary[side]),
        })),
      ),
    );
  };
  observe(
    'golek.canary.attempts',
    'Attempts within the window of the rollback, by side.',
    '{attempt}',
    (side) => side.attempts,
  );
  observe('golek.canary.error_rate', 'Part of these that failed, 0 to 1, by side.', '1', (side) => side.errorRate);
};
