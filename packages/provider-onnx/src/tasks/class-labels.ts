import type { TensorPort } from '../graph.ts';
import { objectOf, textField, type JsonObject } from '../text/json-fields.ts';
import type { Scores } from './class-scores.ts';
import type { TaskOptions } from './task-options.ts';

/** Labels by number, where the options or the configuration name them. */
export const labelsOf = (config: JsonObject, options: TaskOptions): readonly string[] | undefined => {
  if (options.labels) return options.labels;
  const names = objectOf(config['id2label']);
  if (!names) return undefined;
  const byId = new Map(Object.entries(names).map(([id, label]) => [Number(id), String(label)]));
  // Numbers of labels are places in the output: a file that names others is not believed.
  const labels = Array.from({ length: byId.size }, (_, id) => byId.get(id));
  return labels.length > 0 && labels.every((label) => label !== undefined) ? labels : undefined;
};

/** How the output of a classifier is read. Labels that do not exclude each other have a probability each. */
export const scoresOf = (config: JsonObject, output: TensorPort, options: TaskOptions): Scores => {
  if (options.scores !== undefined) return options.scores;
  if (output.isProbability) return 'given';
  return textField(config, 'problem_type') === 'multi_label_classification' ? 'sigmoid' : 'softmax';
};
