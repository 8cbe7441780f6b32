import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A weight of a TensorFlow.js model, numbers in row-major order. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What is read of a model.json. */
interface ModelFile {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly dtype: 'float32' | 'int32';
    }[];
  }[];
}

/** The weights of a TensorFlow.js graph model. */
export class TfjsWeights {
  /** Names of the files that they were read from. */
  readonly files: readonly string[];
  readonly #byName: ReadonlyMap<string, Weight>;

  private constructor(files: readonly string[], byName: ReadonlyMap<string, Weight>) {
    this.files = files;
    this.#byName = byName;
  }

  /** Reads them from the files that the folder's model.json names. Throws where these have another size than it says. */
  static async read(folder: string): Promise<TfjsWeights> {
    const file = JSON.parse(await readFile(path.join(folder, 'model.json'), 'utf8')) as ModelFile;
    const byName = new Map<string, Weight>();
    for (const { paths, weights } of file.weightsManifest) {
      const bytes = Buffer.concat(await Promise.all(paths.map((shard) => readFile(path.join(folder, shard)))));
      let offset = 0;
      for (const { name, shape, dtype } of weights) {
        const length = shape.reduce((product, size) => product * size, 1);
        const at = (index: number): number => offset + index * 4;
        const values = new Float32Array(length);
        for (let index = 0; index < length; index++)
          values[index] = dtype === 'float32' ? bytes.readFloatLE(at(index)) : bytes.readInt32LE(at(index));
        byName.set(name, { shape, values });
        offset = at(length);
      }
      if (offset !== bytes.length)
        throw new Error(`the weights of '${folder}' have ${bytes.length} bytes; its model.json names ${offset}`);
    }
    return new TfjsWeights(['model.json', ...file.weightsManifest.flatMap(({ paths }) => paths)], byName);
  }

  /** The weight whose name ends so. Throws where there is none, or more than one. */
  find(ending: string): Weight {
    const [found, ...others] = this.#byName.entries().filter(([name]) => name.endsWith(ending));
    if (!found || others.length > 0)
      throw new Error(`${found ? others.length + 1 : 'no'} weights have a name that ends with '${ending}'`);
    return found[1];
  }

  /** The weight of one number whose name ends so. */
  number(ending: string): number {
    const { values } = this.find(ending);
    const [value] = values;
    if (value === undefined || values.length > 1) throw new Error(`'${ending}' has ${values.length} numbers, not one`);
    return value;
  }
}
