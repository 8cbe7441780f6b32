import {
  ATTR,
  GOLEK_ATTR,
  type MetricRegistry,
  type ModelRegistry,
  type ModelStatus,
  type SessionPool,
} from '@golek/kernel';

const STATES: readonly ModelStatus['state'][] = ['unloaded', 'loading', 'ready', 'failed', 'unloading'];

/** Values of `golek.model.health`: a lower one is worse. */
const HEALTH = { down: 0, degraded: 0.5, ok: 1 } as const;

/** What models do now, asked for when metrics are read. */
export const modelMetrics = (
  registry: MetricRegistry,
  models: Pick<ModelRegistry, 'list'>,
  sessions: Pick<SessionPool, 'status'>,
): void => {
  const labels = [ATTR.requestModel, ATTR.provider];
  const observe = (
    name: string,
    description: string,
    unit: string,
    read: (status: ModelStatus) => number | undefined,
  ): void => {
    registry.observe({ name, description, unit, kind: 'gauge', labels }, () =>
      models.list().flatMap(({ manifest: { name: model, provider } }) => {
        const value = read(sessions.status(model));
        return value === undefined ? [] : [{ labels: [model, provider], value }];
      }),
    );
  };
  registry.observe(
    {
      name: 'golek.model.state',
      description: 'Where a model stands in its life: 1 for the state that it is in.',
      unit: '{model}',
      kind: 'gauge',
      labels: [...labels, GOLEK_ATTR.state],
    },
    () =>
      models.list().flatMap(({ manifest: { name: model, provider } }) => {
        const { state } = sessions.status(model);
        return STATES.map((each) => ({ labels: [model, provider, each], value: each === state ? 1 : 0 }));
      }),
  );
  observe('golek.model.in_use', 'Runs that hold the model.', '{run}', ({ inUse }) => inUse);
  observe(
    'golek.model.health',
    'Health of a loaded model: 1 ok, 0.5 degraded, 0 down.',
    '1',
    ({ health }) => health && HEALTH[health.status],
  );
  observe(
    'golek.engine.running',
    'Runs that the engine of a model works on.',
    '{run}',
    ({ health }) => health?.load?.running,
  );
  observe(
    'golek.engine.waiting',
    'Runs that wait for a place in the engine.',
    '{run}',
    ({ health }) => health?.load?.waiting,
  );
  observe(
    'golek.engine.kv_cache.usage',
    'Part of the KV cache in use, 0 to 1.',
    '1',
    ({ health }) => health?.load?.kvCache,
  );
};
