import { statSync } from 'node:fs';
import path from 'node:path';
import { discoverModels } from '@golek/core';
import { UsageError } from '../exit-code.ts';
import type { PlatformModel } from '../../models/platform-model.ts';

const isFolder = (text: string): boolean => {
  try {
    return statSync(text).isDirectory();
  } catch {
    // Also what is too long to be a path.
    return false;
  }
};

/** The model of a folder, such as a clone of a repository of models; undefined for what is no folder. Throws UsageError for a folder with none, or with several. */
export const modelInFolder = async (text: string, signal: AbortSignal): Promise<PlatformModel | undefined> => {
  if (!isFolder(text)) return undefined;
  const { models } = await discoverModels([path.resolve(text)], { signal });
  const [only, second] = models;
  if (only && !second) return { source: { name: only.name, location: only.path } };
  // Beside it there are often variants of other precisions.
  const whole = models.filter(({ path: file }) => path.basename(file) === 'model.onnx');
  const [model] = whole;
  if (model && whole.length === 1) return { source: { name: model.name, location: model.path } };
  const found = models.map(({ path: file }) => path.relative(text, file)).slice(0, 8);
  throw new UsageError(
    only
      ? `'${text}' has several models: name one of ${found.join(', ')}`
      : `'${text}' is a folder without a model file`,
  );
};
