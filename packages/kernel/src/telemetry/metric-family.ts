import type { MetricData, MetricPoint } from '@golek/plugins-api';
import type { Series } from './metric-series.ts';

/** What a metric is called and what its series differ by. */
export interface MetricOptions {
  /** E.g. `golek.request.queue.duration`; OpenTelemetry's form, from which exporters make their own. */
  readonly name: string;
  readonly description: string;
  /** UCUM: `s`, `By`, `{token}`, `1`. */
  readonly unit: string;
  /** Names of the attributes that its series differ by. Never a tenant, user or request. */
  readonly labels?: readonly string[];
}

/** Stands in a series for the values of all that came when a family was full. */
export const OTHER = 'other';

/** All series of one metric. The first `limit` combinations of label values get one of their own; later ones share one, named `other`. */
export class MetricFamily<S extends Series> {
  readonly options: MetricOptions;
  readonly kind: MetricData['kind'];
  readonly #make: () => S;
  readonly #limit: number;
  readonly #onOverflow: () => void;
  readonly #bounds: readonly number[] | undefined;
  readonly #series = new Map<string, { readonly attributes: MetricPoint['attributes']; readonly series: S }>();
  #other: S | undefined;

  constructor(
    options: MetricOptions,
    kind: MetricData['kind'],
    make: () => S,
    bounds: readonly number[] | undefined,
    limit: number,
    onOverflow: () => void,
  ) {
    this.options = options;
    this.kind = kind;
    this.#make = make;
    this.#bounds = bounds;
    this.#limit = limit;
    this.#onOverflow = onOverflow;
  }

  /**
   * The series of these label values, in the order of `labels`; an empty value leaves the label out. To be called once for each combination and kept: updating
   * a series costs nothing but the update.
   */
  with(...values: readonly string[]): S {
    const key = values.join('\u0000');
    const known = this.#series.get(key);
    if (known) return known.series;
    if (this.#series.size >= this.#limit) {
      this.#onOverflow();
      return (this.#other ??= this.#make());
    }
    const series = this.#make();
    this.#series.set(key, { attributes: this.#attributes(values), series });
    return series;
  }

  read(): MetricData {
    const points: MetricPoint[] = [...this.#series.values()].map(({ attributes, series }) => ({
      attributes,
      ...series.read(),
    }));
    const { labels = [] } = this.options;
    if (this.#other) {
      points.push({ attributes: this.#attributes(labels.map(() => OTHER)), ...this.#other.read() });
    }
    const { name, description, unit } = this.options;
    return { name, description, unit, kind: this.kind, ...(this.#bounds && { bounds: this.#bounds }), points };
  }

  #attributes(values: readonly string[]): MetricPoint['attributes'] {
    const { labels = [] } = this.options;
    return Object.fromEntries(labels.flatMap((label, index) => (values[index] ? [[label, values[index]]] : [])));
  }
}
