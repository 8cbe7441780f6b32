import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { makeModel } from './make-model.ts';
import { PRESETS, readFormat, readShape, ShapeError, type ModelShape } from './model-shape.ts';

export const MAKE_MODEL_USAGE = `make-model --size SIZE[-FORMAT] --out FILE
  --size       ${Object.keys(PRESETS).join(', ')}; format f16, q8_0 or q4_0, e.g. 135m-q8_0
  --out        file to write
  --seed       same seed, same bytes (default 1)
  --layers --embedding --heads --kv-heads --feed-forward --vocabulary --context   numbers in place of the size's
  --arch       llama or qwen2
  --embedding-format   format of the embeddings`;

const NUMBERS = {
  layers: 'layers',
  embedding: 'embedding',
  heads: 'heads',
  'kv-heads': 'kvHeads',
  'feed-forward': 'feedForward',
  vocabulary: 'vocabulary',
  context: 'context',
} as const satisfies Readonly<Record<string, keyof ModelShape>>;

const string = { type: 'string' } as const;

const architecture = (text: string): ModelShape['architecture'] => {
  if (text === 'llama' || text === 'qwen2') return text;
  throw new ShapeError(`there is no architecture '${text}'; there are: llama, qwen2`);
};

/** Reads the arguments of `make-model`. Throws ShapeError. */
export const readMakeModelArgs = (
  args: readonly string[],
): { readonly shape: ModelShape; readonly out: string; readonly seed: number; readonly name: string } => {
  const numbers = Object.fromEntries(Object.keys(NUMBERS).map((flag) => [flag, string])) as Record<
    keyof typeof NUMBERS,
    typeof string
  >;
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: '135m-q8_0' },
      out: string,
      seed: { type: 'string', default: '1' },
      arch: string,
      'embedding-format': string,
      ...numbers,
    },
  });
  if (values.out === undefined) throw new ShapeError(`--out is missing: the file to write\n${MAKE_MODEL_USAGE}`);
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new ShapeError(`--seed must be a whole number (got '${values.seed}')`);
  const changes: Partial<ModelShape> = {
    ...Object.fromEntries(
      Object.entries(NUMBERS).flatMap(([flag, key]) => {
        const value = values[flag as keyof typeof NUMBERS];
        return value === undefined ? [] : [[key, Number(value)]];
      }),
    ),
    ...(values.arch !== undefined && { architecture: architecture(values.arch) }),
    ...(values['embedding-format'] !== undefined && { embeddingFormat: readFormat(values['embedding-format']) }),
  };
  return { shape: readShape(values.size, changes), out: path.resolve(values.out), seed, name: `random ${values.size}` };
};

/** `npm run bench -- make-model`. */
export const makeModelCommand = async (args: readonly string[]): Promise<void> => {
  const { shape, out, seed, name } = readMakeModelArgs(args);
  await mkdir(path.dirname(out), { recursive: true });
  const weights = await makeModel({ shape, out, seed, name });
  const { size } = await stat(out);
  console.log(`${out}: ${(weights / 1e6).toFixed(1)} million weights, ${(size / 1e6).toFixed(1)} MB`);
};
