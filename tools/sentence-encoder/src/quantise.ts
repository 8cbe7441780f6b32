/** Numbers as 8-bit integers; each row or column has a scale of its own. */
export interface Quantised {
  readonly values: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array;
}

/** The largest magnitude of a row or column becomes 127; zero stays zero. */
export const quantise = (values: Float32Array, columns: number, by: 'row' | 'column'): Quantised => {
  const groupOf = (index: number): number => (by === 'row' ? Math.floor(index / columns) : index % columns);
  const largest = new Float32Array(by === 'row' ? values.length / columns : columns);
  for (const [index, value] of values.entries())
    largest[groupOf(index)] = Math.max(largest[groupOf(index)] as number, Math.abs(value));
  const scales = largest.map((most) => (most === 0 ? 1 : most / 127));
  return {
    values: Int8Array.from(values, (value, index) => Math.round(value / (scales[groupOf(index)] as number))),
    scales,
  };
};
