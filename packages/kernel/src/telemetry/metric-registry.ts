import { GolekError } from '@golek/api';
import type { MetricData, MetricPoint } from '@golek/plugins-api';
import { MetricFamily, type MetricOptions } from './metric-family.ts';
import { Counter, Gauge, Histogram } from './metric-series.ts';

/** One value of an observed metric: label values in the order of the metric's `labels`. */
export interface Observed {
  readonly labels?: readonly string[];
  readonly value: number;
}

export interface ObservedOptions extends MetricOptions {
  readonly kind: 'counter' | 'gauge';
}

export interface MetricRegistryOptions {
  /** Series that one metric may have beside the one named `other`. Default 1000. */
  readonly maxSeries?: number;
}

/** All metrics of a runtime. What changes with requests has series that are bound once; what is a state is asked for when metrics are read. */
export class MetricRegistry {
  readonly #maxSeries: number;
  readonly #names = new Set<string>();
  readonly #read = new Map<string, () => MetricData>();
  readonly #overflows: Counter;

  constructor({ maxSeries = 1000 }: MetricRegistryOptions = {}) {
    this.#maxSeries = maxSeries;
    this.#overflows = this.counter({
      name: 'golek.metrics.overflows',
      description: 'Requests for a series beyond the limit of its metric; their values are in the series `other`.',
      unit: '{request}',
    }).with();
  }

  counter(options: MetricOptions): MetricFamily<Counter> {
    return this.#add(options, 'counter', () => new Counter());
  }

  gauge(options: MetricOptions): MetricFamily<Gauge> {
    return this.#add(options, 'gauge', () => new Gauge());
  }

  /** `bounds`: upper bounds of the buckets, ascending; one more bucket is open. */
  histogram(options: MetricOptions & { readonly bounds: readonly number[] }): MetricFamily<Histogram> {
    return this.#add(options, 'histogram', () => new Histogram(options.bounds), options.bounds);
  }

  /**
   * Asks for values when metrics are read; nothing is kept between. Values beyond the limit of series are left out and counted; when `read` throws, the
   * metric is left out of that reading.
   */
  observe(options: ObservedOptions, read: () => Iterable<Observed>): Disposable {
    const { name, description, unit, kind, labels = [] } = options;
    this.#claim(name);
    this.#read.set(name, () => {
      const points: MetricPoint[] = [];
      for (const { labels: values = [], value } of read()) {
        if (points.length >= this.#maxSeries) {
          this.#overflows.add();
          continue;
        }
        const attributes = labels.flatMap((label, index) => (values[index] ? [[label, values[index]] as const] : []));
        points.push({ attributes: Object.fromEntries(attributes), value });
      }
      return { name, description, unit, kind, points };
    });
    return {
      [Symbol.dispose]: () => {
        this.#names.delete(name);
        this.#read.delete(name);
      },
    };
  }

  /** Every metric that has a value, by name. */
  collect(): MetricData[] {
    const metrics: MetricData[] = [];
    for (const read of this.#read.values()) {
      const metric = readOrNothing(read);
      if (metric && metric.points.length > 0) metrics.push(metric);
    }
    return metrics.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #add<S extends Counter | Gauge | Histogram>(
    options: MetricOptions,
    kind: MetricData['kind'],
    make: () => S,
    bounds?: readonly number[],
  ): MetricFamily<S> {
    this.#claim(options.name);
    const family = new MetricFamily(options, kind, make, bounds, this.#maxSeries, () => this.#overflows.add());
    this.#read.set(options.name, () => family.read());
    return family;
  }

  #claim(name: string): void {
    if (this.#names.has(name)) {
      throw new GolekError(
        'composition_invalid',
        `two parts define the metric '${name}'; each needs a name of its own`,
      );
    }
    this.#names.add(name);
  }
}

const readOrNothing = (read: () => MetricData): MetricData | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};
