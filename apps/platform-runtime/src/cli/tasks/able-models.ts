import type { Task } from '@golek/api';

export interface AbleModel {
  readonly name: string;
  /** Empty where it is not known what it can do. */
  readonly tasks: readonly string[];
}

/** The models to choose from where none is named: those that can do the task, and of these the ones that were not made to generate, if there are any. */
export const ableModels = <M extends AbleModel>(models: readonly M[], task: Task): readonly M[] => {
  const able = models.filter(({ tasks }) => tasks.length === 0 || tasks.includes(task));
  const made = able.filter(({ tasks }) => !tasks.includes('generate'));
  return task !== 'generate' && made.length > 0 ? made : able;
};
