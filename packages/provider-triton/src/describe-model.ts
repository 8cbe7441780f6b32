import { invalidOption, type ModelManifest, type ModelSource } from '@golek/providers-spi';
import type { RemoteModel } from '@golek/providers-spi/remote';
import { knownOnce } from './known-once.ts';
import { tasksOf, type ModelInfo } from './model-info.ts';
import { modelOptionsOf, type TritonTask } from './options.ts';
import { textOptions } from './text/text-inputs.ts';

/** What a model is: by its options, and by the server's metadata where these do not say it. */
export const describeModel = async (
  source: ModelSource,
  ask: (signal: AbortSignal) => Promise<ModelInfo>,
  signal: AbortSignal,
  runs: (info: (signal: AbortSignal) => Promise<ModelInfo>, version: string) => RemoteModel['run'],
): Promise<RemoteModel> => {
  const { tasks: said, contextLength, version = '', load } = modelOptionsOf(source);
  if (load === true && !said)
    throw invalidOption(
      `options of the model '${source.name}'`,
      'tasks',
      "'load' needs 'tasks': the server tells nothing of a model that it has not loaded",
    );
  const info = knownOnce(ask);
  const known = said ? undefined : await info(signal);
  const tasks: readonly TritonTask[] = said ?? (known ? tasksOf(known) : []);
  return {
    tasks,
    options: [...optionsOf(tasks, known)],
    contextLength,
    ...(known && { manifest: manifestOf(known) }),
    run: runs(info, version),
  };
};

const optionsOf = (tasks: readonly TritonTask[], info: ModelInfo | undefined): RemoteModel['options'] => [
  ...(tasks.includes('generate') ? textOptions(info) : []),
  ...(tasks.includes('tensor') ? (['parameters'] as const) : []),
];

const manifestOf = ({ inputs, outputs }: ModelInfo): Partial<ModelManifest> => ({
  inputs: [...inputs],
  outputs: [...outputs],
});
