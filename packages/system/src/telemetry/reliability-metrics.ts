import { ATTR, type GuardState, type MetricRegistry } from '@golek/kernel';

/** States of a breaker as `golek.breaker.state` tells them: a higher one lets less through. */
const BREAKER = { closed: 0, 'half-open': 1, open: 2 } as const satisfies Record<
  GuardState['breaker']['state'],
  number
>;

/** Breakers, places and retry budgets of all targets, asked for when metrics are read. */
export const reliabilityMetrics = (registry: MetricRegistry, states: () => readonly GuardState[]): void => {
  const labels = [ATTR.requestModel, ATTR.provider];
  const observe = (name: string, description: string, unit: string, read: (state: GuardState) => number): void => {
    registry.observe({ name, description, unit, kind: 'gauge', labels }, () =>
      states().map((state) => ({ labels: [state.model, state.provider], value: read(state) })),
    );
  };
  observe(
    'golek.breaker.state',
    'Circuit breaker: 0 closed, 1 half open, 2 open.',
    '{state}',
    (s) => BREAKER[s.breaker.state],
  );
  observe(
    'golek.breaker.failures',
    'Failures in a row that the breaker counts.',
    '{failure}',
    (s) => s.breaker.failures,
  );
  observe('golek.bulkhead.in_use', 'Places of a target that are taken.', '{attempt}', (s) => s.inFlight);
  observe('golek.bulkhead.queued', 'Attempts that wait for a place at a target.', '{attempt}', (s) => s.queued);
  observe(
    'golek.retry_budget.left',
    'Retries that the budget of a target has left.',
    '{attempt}',
    (s) => s.retriesLeft,
  );
};
