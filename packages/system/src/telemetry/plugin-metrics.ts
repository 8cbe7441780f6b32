import { GOLEK_ATTR, type MetricRegistry, type PluginManager } from '@golek/kernel';

/** Values of `golek.plugin.health`: a lower one is worse. */
const HEALTH = { down: 0, degraded: 0.5, ok: 1 } as const;

/** Where plugins stand, asked for when metrics are read. */
export const pluginMetrics = (registry: MetricRegistry, plugins: Pick<PluginManager, 'list'>): void => {
  registry.observe(
    {
      name: 'golek.plugin.state',
      description: 'State of a plugin: 1 for the one that it is in.',
      unit: '{plugin}',
      kind: 'gauge',
      labels: ['plugin', 'version', GOLEK_ATTR.state],
    },
    () => plugins.list().map(({ name, version = '', state }) => ({ labels: [name, version, state], value: 1 })),
  );
  registry.observe(
    {
      name: 'golek.plugin.health',
      description: 'Health of a plugin as it was last asked: 1 ok, 0.5 degraded, 0 down.',
      unit: '1',
      kind: 'gauge',
      labels: ['plugin'],
    },
    () =>
      plugins.list().flatMap(({ name, health }) => (health ? [{ labels: [name], value: HEALTH[health.status] }] : [])),
  );
};
