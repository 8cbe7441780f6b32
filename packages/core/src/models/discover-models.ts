import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { findModelFiles, type ScanLimits } from './model-files.ts';
import { splitFile } from './split-file.ts';

/** A model file found on disk. What is in it is not looked at here. */
export interface DiscoveredModel {
  /** Derived from the file name; unique among those found and those taken. */
  readonly name: string;
  /** Absolute; of a split model its first part. */
  readonly path: string;
}

export interface DiscoverOptions extends Partial<ScanLimits> {
  readonly signal: AbortSignal;
  /** Models that have a name already: their names are not given again, and their files are not listed a second time. */
  readonly taken?: readonly DiscoveredModel[];
}

export interface Discovery {
  readonly models: readonly DiscoveredModel[];
  /** What was renamed or left out, and why, for people. */
  readonly notes: readonly string[];
}

/**
 * Finds `.gguf` and `.onnx` files below folders, depth and count bounded (default 8 folders deep, 20,000 entries), in sorted order. A model that is split over
 * several files counts once, and only when all its parts are there.
 */
export const discoverModels = async (folders: readonly string[], options: DiscoverOptions): Promise<Discovery> => {
  const { signal, taken = [], maxDepth = 8, maxEntries = 20_000 } = options;
  const scan = await findModelFiles(folders, { maxDepth, maxEntries }, signal);
  const whole = joinParts(scan.files);
  const notes = [...scan.notes, ...whole.notes];
  const known = new Set(await Promise.all(taken.map((model) => realpath(model.path).catch(() => model.path))));
  const names = new Set(taken.map((model) => model.name));
  const models: DiscoveredModel[] = [];
  for (const file of whole.files) {
    if (known.has(await realpath(file).catch(() => file))) continue;
    const plain = plainName(file);
    const name = freeName(plain, file, names);
    if (name !== plain) notes.push(`the name '${plain}' is taken; ${file} is called '${name}'`);
    names.add(name);
    models.push({ name, path: file });
  }
  return { models, notes };
};

/** Replaces the parts of each split model by its first part; leaves out models with missing parts and says so. */
const joinParts = (
  files: readonly string[],
): { readonly files: readonly string[]; readonly notes: readonly string[] } => {
  const partsOf = Map.groupBy(files, (file) => {
    const split = splitFile(path.basename(file));
    return split && path.join(path.dirname(file), `${split.stem} ${split.parts}`);
  });
  const notes: string[] = [];
  const joined = new Set(partsOf.get(undefined));
  partsOf.delete(undefined);
  for (const group of partsOf.values()) {
    const found = new Map(group.map((file) => [splitFile(path.basename(file))?.part ?? 0, file]));
    const [[, example = ''] = []] = found;
    const parts = splitFile(path.basename(example))?.parts ?? 0;
    const missing = Array.from({ length: parts }, (_, index) => index + 1).find((part) => !found.has(part));
    const first = found.get(1);
    if (missing === undefined) joined.add(first ?? example);
    else notes.push(`${example} was left out: part ${missing} of ${parts} is missing`);
  }
  return { files: files.filter((file) => joined.has(file)), notes };
};

const plainName = (file: string): string => {
  const base = path.basename(file);
  return splitFile(base)?.stem ?? nameByFolder(file) ?? base.slice(0, -path.extname(base).length);
};

/** Exporters call each model `model.onnx`, in a folder of its own or in `onnx` below it: `bert/onnx/model_int8.onnx` is `bert-int8`. */
const nameByFolder = (file: string): string | undefined => {
  const variant = /^model(?:[_-](?<variant>.+))?\.onnx$/i.exec(path.basename(file));
  if (!variant) return undefined;
  const folder = path.dirname(file);
  const named = path.basename(path.basename(folder).toLowerCase() === 'onnx' ? path.dirname(folder) : folder);
  return [named, variant.groups?.['variant']].filter(Boolean).join('-');
};

/** The plain name, else with the folder's name, else with a number. */
const freeName = (plain: string, file: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(plain)) return plain;
  const withFolder = `${plain}-${path.basename(path.dirname(file))}`;
  if (!taken.has(withFolder)) return withFolder;
  let number = 2;
  while (taken.has(`${withFolder}-${number}`)) number += 1;
  return `${withFolder}-${number}`;
};
