/** Resident memory, MiB: medians of the second and of the last quarter of the samples. */
export interface MemoryTrend {
  readonly early: number;
  readonly late: number;
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const trendOf = (samples: readonly number[]): MemoryTrend => {
  const quarter = Math.floor(samples.length / 4);
  return { early: median(samples.slice(quarter, 2 * quarter)), late: median(samples.slice(-Math.max(1, quarter))) };
};
