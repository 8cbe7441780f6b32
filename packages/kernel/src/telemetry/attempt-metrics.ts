import type { InferenceCall } from '@golek/plugins-api';
import type { AttemptObserver, AttemptRecord } from '../reliability/attempt.ts';
import type { MetricRegistry } from './metric-registry.ts';
import type { Counter, Gauge, Histogram } from './metric-series.ts';
import { ATTR, BOUNDS, GOLEK_ATTR } from './semantic-conventions.ts';

const OF_TARGET = [ATTR.requestModel, ATTR.provider] as const;

/** Targets whose series are kept at hand. */
const MAX_BOUND = 1024;

/** Counts what is asked of each target: attempts by outcome, retries, failovers, hedges, waits. */
export const attemptMetrics = (registry: MetricRegistry): AttemptObserver => {
  const perTarget = (name: string, description: string) =>
    registry.counter({ name, description, unit: '{attempt}', labels: OF_TARGET });
  const attempts = registry.counter({
    name: 'golek.attempts',
    description: 'Attempts at a target by how they ended; failed and refused ones by error code.',
    unit: '{attempt}',
    labels: [...OF_TARGET, GOLEK_ATTR.outcome, ATTR.errorType],
  });
  const retries = perTarget('golek.attempts.retries', 'Further attempts at the target that failed before.');
  const failovers = perTarget('golek.attempts.failovers', 'Attempts at a target because another one had failed.');
  const hedges = perTarget('golek.attempts.hedged', 'Attempts that ran beside an earlier one of their request.');
  const active = registry.gauge({
    name: 'golek.attempts.active',
    description: 'Attempts in progress, those that wait for a place included.',
    unit: '{attempt}',
    labels: OF_TARGET,
  });
  const seconds = (name: string, description: string) =>
    registry.histogram({ name, description, unit: 's', labels: OF_TARGET, bounds: BOUNDS.firstToken });
  const waits = seconds('golek.attempt.wait.duration', 'Wait for a place at the target.');
  const firsts = seconds('golek.attempt.first_event.duration', 'From the place at the target to its first event.');

  interface TargetSeries {
    readonly active: Gauge;
    readonly wait: Histogram;
    readonly first: Histogram;
    readonly answered: Counter;
  }
  const bound = new Map<string, Map<string, TargetSeries>>();
  const of = ({ model, provider }: AttemptRecord['target']): TargetSeries => {
    let providers = bound.get(model);
    if (!providers) {
      if (bound.size >= MAX_BOUND) bound.clear();
      bound.set(model, (providers = new Map<string, TargetSeries>()));
    }
    let series = providers.get(provider);
    if (!series) {
      const labels = [model, provider] as const;
      series = {
        active: active.with(...labels),
        wait: waits.with(...labels),
        first: firsts.with(...labels),
        answered: attempts.with(...labels, 'answered', ''),
      };
      providers.set(provider, series);
    }
    return series;
  };

  /** The target at which an attempt of a call failed last. */
  const failed = new WeakMap<InferenceCall, string>();
  return {
    begin: (call, { target, attempt, hedge }) => {
      of(target).active.add(1);
      if (hedge) hedges.with(target.model, target.provider).add();
      else if (attempt > 1) {
        (failed.get(call) === target.model ? retries : failovers).with(target.model, target.provider).add();
      }
    },
    end: (call, { target, outcome, error, queuedMs, firstEventMs }) => {
      const series = of(target);
      series.active.add(-1);
      if (outcome === 'answered') series.answered.add();
      else attempts.with(target.model, target.provider, outcome, error?.code ?? '').add();
      if (outcome === 'failed') failed.set(call, target.model);
      if (outcome === 'refused') return;
      series.wait.record(queuedMs / 1000);
      if (firstEventMs !== undefined) series.first.record(firstEventMs / 1000);
    },
  };
};
