import { GolekError, type Principal, type Task } from '@golek/api';
import type { ModelRegistry } from '@golek/kernel';
import { ableModels } from '../cli/tasks/able-models.ts';
import { visibleModels } from '../http/visible-models.ts';

/**
 * The model for a caller who names none: `preferred` where the caller may use it and it can do the task, else the first that was made for it. Throws
 * `model_not_found`.
 */
export const defaultModel = (
  models: Pick<ModelRegistry, 'list' | 'names' | 'resolve' | 'routes'>,
  principal: Principal,
  task: Task,
  preferred: string | undefined,
): string => {
  const seen = visibleModels(models, principal).map(({ manifest }) => manifest);
  const wanted = seen.find(({ name, tasks }) => name === preferred && tasks.includes(task));
  const chosen = wanted ?? ableModels(seen, task)[0];
  if (chosen) return chosen.name;
  throw new GolekError(
    'model_not_found',
    `no model that may be used here does '${task}'; list_models shows what there is`,
  );
};

/** The configured default for every task; `forText`, the runtime's own, only for generating: many models that can embed were not made for it. */
export const preferredModel =
  (configured: () => string | undefined, forText: string | undefined) =>
  (task: Task): string | undefined =>
    configured() ?? (task === 'generate' ? forText : undefined);
