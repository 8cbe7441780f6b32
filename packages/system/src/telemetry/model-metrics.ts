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

/** Name, unit, description and where the value is. Counters start anew with each load of the model. */
const PREFIX_METRICS = [
  ['golek.engine.prefix.hits', '{answer}', 'Answers that began with a part of an earlier prompt.', 'hits'],
  ['golek.engine.prefix.misses', '{answer}', 'Answers whose prompt was evaluated from its start.', 'misses'],
  ['golek.engine.prefix.reused_tokens', '{token}', 'Prompt tokens that were not evaluated again.', 'reusedTokens'],
  ['golek.engine.prefix.restored_tokens', '{token}', 'Those of them that came from states on disk.', 'restoredTokens'],
  ['golek.engine.prefix.saved.states', '{state}', 'Prefix states on disk that the model can use.', 'savedStates'],
  ['golek.engine.prefix.saved.size', 'By', 'Size of these states.', 'savedBytes'],
] as const;

const SPECULATION_METRICS = [
  ['golek.engine.speculation.guessed_tokens', 'Tokens that were guessed and evaluated.', 'guessed'],
  ['golek.engine.speculation.accepted_tokens', 'Those of them that were right.', 'accepted'],
] as const;

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
    kind: 'gauge' | 'counter' = 'gauge',
  ): void => {
    registry.observe({ name, description, unit, kind, labels }, () =>
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
    'golek.model.memory',
    'Memory of this machine that a loaded model takes, as its provider estimates it.',
    'By',
    ({ memoryBytes }) => memoryBytes,
  );
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
  observe(
    'golek.engine.threads',
    'Threads that the engine of a model evaluates with: fewer than its own while other models are busy, too.',
    '{thread}',
    ({ health }) => health?.load?.threads,
  );
  for (const [name, unit, description, field] of PREFIX_METRICS) {
    const kind = field === 'savedStates' || field === 'savedBytes' ? 'gauge' : 'counter';
    observe(name, description, unit, ({ health }) => health?.load?.prefix?.[field], kind);
  }
  for (const [name, description, field] of SPECULATION_METRICS)
    observe(name, description, '{token}', ({ health }) => health?.load?.speculation?.[field], 'counter');
};
