import type { LifecycleEvent } from '@golek/api';
import { ATTR, BOUNDS, GOLEK_ATTR, type EventBus, type MetricRegistry } from '@golek/kernel';

const BREAKER_STATES: Readonly<Partial<Record<LifecycleEvent['type'], string>>> = {
  'breaker.opened': 'open',
  'breaker.half-opened': 'half-open',
  'breaker.closed': 'closed',
};

/** Counts what happens to the runtime beside requests, until disposed. */
export const lifecycleMetrics = (registry: MetricRegistry, events: Pick<EventBus, 'subscribe'>): Disposable => {
  const published = registry.counter({
    name: 'golek.lifecycle.events',
    description: 'Lifecycle events by type: models, plugins, breakers, routes, configuration.',
    unit: '{event}',
    labels: ['type'],
  });
  const loads = registry.histogram({
    name: 'golek.model.load.duration',
    description: 'Time that it took to load a model.',
    unit: 's',
    labels: [ATTR.requestModel, ATTR.provider],
    bounds: BOUNDS.load,
  });
  const failures = registry.counter({
    name: 'golek.model.load.failures',
    description: 'Loads of a model that failed, by error code.',
    unit: '{load}',
    labels: [ATTR.requestModel, ATTR.provider, ATTR.errorType],
  });
  const unloads = registry.counter({
    name: 'golek.model.unloads',
    description: 'Models that were unloaded, by reason: idle, evicted, requested, replaced.',
    unit: '{unload}',
    labels: [ATTR.requestModel, ATTR.provider, GOLEK_ATTR.reason],
  });
  const transitions = registry.counter({
    name: 'golek.breaker.transitions',
    description: 'Changes of circuit breakers by the state that they went to.',
    unit: '{transition}',
    labels: [ATTR.requestModel, ATTR.provider, GOLEK_ATTR.state],
  });
  const count = (event: LifecycleEvent): void => {
    published.with(event.type).add();
    if ('provider' in event && event.type in BREAKER_STATES) {
      transitions.with(event.model, event.provider, BREAKER_STATES[event.type] ?? '').add();
    }
    if (event.type === 'model.loaded') loads.with(event.model, event.provider).record(event.durationMs / 1000);
    else if (event.type === 'model.unloaded') unloads.with(event.model, event.provider, event.reason).add();
    else if (event.type === 'model.failed') failures.with(event.model, event.provider, event.error.code).add();
  };
  return events.subscribe(({ event }) => count(event));
};
