import { collect, GolekError, type Task } from '@golek/api';
import { modelsConfig } from '../../config/models-config.ts';
import type { PlatformSettings } from '../../config/platform-config.ts';
import { listModels, type KnownModels } from '../../models/list-models.ts';
import { chooseModel, namedModel, type ChosenModel } from '../choose-model.ts';
import { inspectKnown } from '../inspect-known.ts';
import { showLoading } from '../loading-line.ts';
import { openLocalModel } from '../local-model.ts';
import { ableModels } from './able-models.ts';
import { modelInFolder } from './model-folder.ts';
import type { ModelChoice, TaskTarget } from './task-target.ts';

/** Name of the model for whoever names none: the configured default where it can do the task, else the first that can. */
const defaultFor = async (
  settings: PlatformSettings,
  { models }: KnownModels,
  task: Task,
  signal: AbortSignal,
): Promise<string> => {
  const rows = await inspectKnown(settings, models, signal);
  const able = rows.flatMap(({ manifest }) => (manifest?.tasks.includes(task) ? [manifest] : []));
  const named = settings.configuration.get(modelsConfig).default;
  const chosen = able.find(({ name }) => name === named) ?? ableModels(able, task)[0];
  if (chosen) return chosen.name;
  throw new GolekError(
    'model_not_found',
    `no known model does '${task}': name a model file with --model or put one into the data folder`,
  );
};

const chosen = async (
  settings: PlatformSettings,
  { task, flag, words }: ModelChoice,
  signal: AbortSignal,
): Promise<ChosenModel> => {
  // A single word may be a text; a path is not.
  const place = flag ?? (words[0]?.includes('/') ? words[0] : undefined);
  const inFolder = place === undefined ? undefined : await modelInFolder(place, signal);
  if (inFolder) return { ...inFolder, words: flag === undefined ? words.slice(1) : words };
  const known = await listModels(settings, signal);
  return (
    namedModel(known, flag, words) ??
    chooseModel({ ...known, default: await defaultFor(settings, known, task, signal) }, undefined, words)
  );
};

/** A model in this process, through the same kernel as in the server. */
export const openLocalTask = async (
  settings: PlatformSettings,
  choice: ModelChoice,
  signal: AbortSignal,
): Promise<TaskTarget> => {
  const model = await chosen(settings, choice, signal);
  const local = await openLocalModel(settings, model, signal);
  return {
    model: local.manifest.name,
    words: model.words,
    run: (request, ends) => collect(local.run(request, ends)),
    showLoading: () => showLoading(local.manifest.name, () => local.status()),
    [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
  };
};
