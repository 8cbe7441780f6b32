import { monitorEventLoopDelay, performance, PerformanceObserver, constants } from 'node:perf_hooks';
import type { MetricRegistry } from './metric-registry.ts';
import { ATTR, BOUNDS, METRIC } from './semantic-conventions.ts';

/** How often the delay of the event loop is sampled, milliseconds; each sample wakes the process up. */
const DELAY_RESOLUTION_MS = 50;

const GC_TYPES: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** An entry of type `gc`, which Node's types do not know. */
interface GcEntry extends PerformanceEntry {
  readonly detail?: { readonly kind?: number };
}

const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0);

/** CPU, memory, event loop and garbage collection of this process, until disposed. */
export const processMetrics = (registry: MetricRegistry): Disposable => {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  const collections = registry.histogram({
    name: METRIC.gcDuration,
    description: 'Garbage collections of V8 by kind.',
    unit: 's',
    labels: [ATTR.gcType],
    bounds: BOUNDS.gc,
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as readonly GcEntry[]) {
      collections.with(GC_TYPES[entry.detail?.kind ?? 0] ?? 'unknown').record(entry.duration / 1000);
    }
  });
  observer.observe({ entryTypes: ['gc'] });

  let utilization = performance.eventLoopUtilization();
  const gauge = (name: string, description: string, unit: string, read: () => number): Disposable =>
    registry.observe({ name, description, unit, kind: 'gauge' }, () => [{ value: read() }]);
  // Percentiles are those since the last reading of the longest delay, which is read last.
  const observed = [
    registry.observe(
      {
        name: METRIC.cpuTime,
        description: 'CPU time of the server process; engine processes are not part of it.',
        unit: 's',
        kind: 'counter',
        labels: [ATTR.cpuMode],
      },
      () => {
        const { user, system } = process.cpuUsage();
        return [
          { labels: ['user'], value: user / 1e6 },
          { labels: ['system'], value: system / 1e6 },
        ];
      },
    ),
    gauge(METRIC.memory, 'Resident memory of the server process.', 'By', () => process.memoryUsage.rss()),
    gauge(METRIC.heapUsed, 'Used memory of V8.', 'By', () => process.memoryUsage().heapUsed),
    gauge(METRIC.uptime, 'Time since the start of the process.', 's', () => process.uptime()),
    gauge(
      METRIC.eventLoopUtilization,
      'Part of the time since the last reading in which the event loop worked.',
      '1',
      () => {
        const now = performance.eventLoopUtilization();
        const { utilization: part } = performance.eventLoopUtilization(now, utilization);
        utilization = now;
        return part;
      },
    ),
    gauge(METRIC.eventLoopDelayP50, 'Median delay of the event loop since the last reading.', 's', () =>
      seconds(delay.percentile(50)),
    ),
    gauge(METRIC.eventLoopDelayP99, '99th percentile of the delay of the event loop since the last reading.', 's', () =>
      seconds(delay.percentile(99)),
    ),
    gauge(METRIC.eventLoopDelayMax, 'Longest delay of the event loop since the last reading.', 's', () => {
      const longest = seconds(delay.max);
      delay.reset();
      return longest;
    }),
  ];
  return {
    [Symbol.dispose]: () => {
      delay.disable();
      observer.disconnect();
      for (const metric of observed) metric[Symbol.dispose]();
    },
  };
};
