import { existsSync } from 'node:fs';
import path from 'node:path';
import { GolekError, nearest } from '@golek/api';
import { knownHint, nameOfFile, type KnownModels } from '../models/list-models.ts';
import type { PlatformModel } from '../models/platform-model.ts';
import { UsageError } from './exit-code.ts';

export interface ChosenModel extends PlatformModel {
  /** The words that are not the model. */
  readonly words: readonly string[];
}

/**
 * Finds the model of a command line `[MODEL] WORDS…`: the flag's, else the first word when it is a known name or a model file, else the default. A first
 * word that is almost a known name is taken for a slip and refused.
 */
export const chooseModel = (known: KnownModels, flag: string | undefined, words: readonly string[]): ChosenModel => {
  const named = namedModel(known, flag, words);
  if (named) return named;
  if (known.default === undefined) {
    throw new GolekError(
      'model_not_found',
      'there is no model: name a file with --model or put one into the data folder',
    );
  }
  return { ...(modelOf(known, known.default) ?? refuseUnknown(known, known.default)), words };
};

/** The same, but undefined where the command line names no model. */
export const namedModel = (
  known: KnownModels,
  flag: string | undefined,
  words: readonly string[],
): ChosenModel | undefined => {
  if (flag !== undefined) return { ...(modelOf(known, flag) ?? refuseUnknown(known, flag)), words };
  const [first, ...rest] = words;
  if (first !== undefined) {
    const model = modelOf(known, first);
    if (model) return { ...model, words: rest };
    const slip = first.includes(' ') || rest.length === 0 ? undefined : nearest(first, namesOf(known));
    if (slip !== undefined && slip.length > 3) {
      throw new UsageError(
        `no model is named '${first}'; did you mean '${slip}'? If it belongs to the prompt, name the model with --model`,
      );
    }
  }
  return undefined;
};

const namesOf = ({ models }: KnownModels): string[] => models.map(({ source }) => source.name);

const modelOf = ({ models }: KnownModels, text: string): PlatformModel | undefined => {
  const named = models.find(({ source }) => source.name === text);
  if (named) return named;
  if (!/\.(gguf|onnx)$/i.test(text) || !existsSync(text)) return undefined;
  return { source: { name: nameOfFile(text), location: path.resolve(text) } };
};

const refuseUnknown = (known: KnownModels, name: string): never => {
  throw new GolekError(
    'model_not_found',
    `no model is named '${name}' and no model file is there${knownHint(name, known)}`,
  );
};
