import type { FloatOutput } from './float-output.ts';
import type { Pooling } from './task-options.ts';

/** Which tokens of an output of [rows, tokens, components] belong to a row. */
export interface PooledRow {
  readonly row: number;
  readonly start: number;
  readonly count: number;
}

/** The vector of one input from the vectors of its tokens. */
export const pooled = (
  { dims, data }: FloatOutput,
  { row, start, count }: PooledRow,
  pooling: Exclude<Pooling, 'graph'>,
): Float64Array => {
  const [, tokens = 0, size = 0] = dims;
  const at = (token: number): number => (row * tokens + token) * size;
  const vector = new Float64Array(size);
  const copy = (token: number): Float64Array => vector.map((_, i) => data[at(token) + i] ?? 0);
  switch (pooling) {
    case 'cls':
      return copy(start);
    case 'last':
      return copy(start + count - 1);
    case 'max':
      vector.fill(Number.NEGATIVE_INFINITY);
      for (let token = start; token < start + count; token++)
        for (let i = 0, from = at(token); i < size; i++)
          vector[i] = Math.max(vector[i] as number, data[from + i] as number);
      return vector;
    case 'mean':
      for (let token = start; token < start + count; token++)
        for (let i = 0, from = at(token); i < size; i++) vector[i] = (vector[i] as number) + (data[from + i] as number);
      for (let i = 0; i < size; i++) vector[i] = (vector[i] as number) / count;
      return vector;
  }
};

/** The first `dimensions` components; scaled to length 1 where that is wanted. A zero vector stays one. */
export const finished = (
  vector: ArrayLike<number>,
  dimensions: number | undefined,
  normalize: boolean,
): Float32Array<ArrayBuffer> => {
  const made = new Float32Array(Math.min(dimensions ?? vector.length, vector.length));
  let squares = 0;
  for (let i = 0; i < made.length; i++) squares += (vector[i] ?? 0) ** 2;
  const scale = normalize && squares > 0 ? 1 / Math.sqrt(squares) : 1;
  for (let i = 0; i < made.length; i++) made[i] = (vector[i] ?? 0) * scale;
  return made;
};
