import type { MetricPoint } from '@golek/plugins-api';

/** One series of a counter: what it counts only grows. */
export class Counter {
  #value = 0;

  add(amount = 1): void {
    this.#value += amount;
  }

  read(): Omit<MetricPoint, 'attributes'> {
    return { value: this.#value };
  }
}

/** One series of a value that rises and falls. */
export class Gauge {
  #value = 0;

  add(amount: number): void {
    this.#value += amount;
  }

  set(value: number): void {
    this.#value = value;
  }

  read(): Omit<MetricPoint, 'attributes'> {
    return { value: this.#value };
  }
}

/** One series of a histogram with fixed bounds. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** A value that is not finite is left out: it would spoil the sum for good. */
  record(value: number): void {
    if (!Number.isFinite(value)) return;
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count += 1;
    this.#sum += value;
  }

  read(): Omit<MetricPoint, 'attributes'> {
    return { histogram: { count: this.#count, sum: this.#sum, counts: [...this.#counts] } };
  }
}

export type Series = Counter | Gauge | Histogram;
