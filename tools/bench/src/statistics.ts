const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

/** The middle value; the mean of the two middle ones for an even count. NaN for none. */
export const median = (values: readonly number[]): number => {
  const sorted = ascending(values);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

/** The smallest value that at least `percent` of all are not above (nearest rank). NaN for none. */
export const percentile = (values: readonly number[], percent: number): number => {
  const sorted = ascending(values);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN;
};
