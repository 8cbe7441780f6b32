import type { MetricData as GolekMetric, MetricPoint } from '@golek/plugins-api';
import { ValueType } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { hrTime } from './readable-span.ts';

type Times = Pick<DataPoint<unknown>, 'startTime' | 'endTime'>;

/** Gives Golek's metrics to a reader of OpenTelemetry's SDK. All count from the start of the runtime. */
export const metricProducer = (collect: () => readonly GolekMetric[], scope: ScopeMetrics['scope']): MetricProducer => {
  const startTime = hrTime(performance.timeOrigin + performance.now());
  return {
    collect: () => {
      const times = { startTime, endTime: hrTime(performance.timeOrigin + performance.now()) };
      const metrics = collect().map((metric) => converted(metric, times));
      // The reader puts its own resource in place of this one.
      return Promise.resolve({
        resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope, metrics }] },
        errors: [],
      });
    },
  };
};

const converted = (metric: GolekMetric, times: Times): MetricData => {
  const { name, description, unit, kind, bounds = [], points } = metric;
  const base = {
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === 'histogram') {
    return {
      ...base,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: points.map((point) => ({ ...pointOf(point, times), value: histogramOf(point, bounds) })),
    };
  }
  const dataPoints = points.map((point) => ({ ...pointOf(point, times), value: point.value ?? 0 }));
  if (kind === 'gauge') return { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
};

const pointOf = ({ attributes }: MetricPoint, times: Times): Times & Pick<DataPoint<unknown>, 'attributes'> => ({
  ...times,
  attributes,
});

const histogramOf = ({ histogram }: MetricPoint, bounds: readonly number[]): Histogram => ({
  buckets: { boundaries: [...bounds], counts: [...(histogram?.counts ?? [])] },
  sum: histogram?.sum ?? 0,
  count: histogram?.count ?? 0,
});
