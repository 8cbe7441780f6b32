import { existsSync } from 'node:fs';
import path from 'node:path';

/** The model as every side gets it. */
export interface EmbedderSetup {
  /** Path of the ONNX file; the tokenizer's files are beside it, or one folder up. */
  readonly file: string;
  /** Threads of one operator. */
  readonly threads: number;
}

/** One side of the comparison. */
export interface Embedder extends AsyncDisposable {
  /** Vectors of length 1, in the order of the texts. */
  readonly embed: (texts: readonly string[]) => Promise<readonly Float32Array[]>;
}

/** Folder of the tokenizer's files. */
export const modelFolder = (file: string): string => {
  const beside = path.dirname(file);
  return existsSync(path.join(beside, 'tokenizer.json')) ? beside : path.dirname(beside);
};

/** Scales a vector to length 1. */
export const toUnitLength = (vector: Float32Array): Float32Array => {
  let squares = 0;
  for (const component of vector) squares += component * component;
  const scale = 1 / Math.sqrt(squares);
  return vector.map((component) => component * scale);
};

/** The mean of the tokens' vectors of each row, padding left out: `values` of [rows, tokens, size], `lengths` the tokens of each row. */
export const meanRows = (values: Float32Array, size: number, lengths: readonly number[]): Float32Array[] => {
  const tokens = values.length / size / lengths.length;
  return lengths.map((length, row) => {
    const mean = new Float32Array(size);
    for (let token = 0, from = row * tokens * size; token < length; token++, from += size)
      for (let i = 0; i < size; i++) mean[i] = (mean[i] as number) + (values[from + i] as number) / length;
    return mean;
  });
};
