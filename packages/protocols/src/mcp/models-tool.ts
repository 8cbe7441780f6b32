import { ModelManifest, Task } from '@golek/api';
import { z } from 'zod';
import type { ToolDefinition } from './tool-definition.ts';

/** A model as clients see it: all that is known of it but where its file is. */
export const ModelDescription = ModelManifest.omit({ source: true }).extend({
  route: z
    .strictObject({ strategy: z.string(), targets: z.array(z.string()) })
    .optional()
    .describe('Present for a name that stands for other models: which ones, and how they are chosen.'),
});
export type ModelDescription = z.infer<typeof ModelDescription>;

export const ListModelsArguments = z.strictObject({
  task: Task.optional().describe('Only models that can do this.'),
});

export const ListModelsOutput = z.strictObject({ models: z.array(ModelDescription) });
export type ListModelsOutput = z.infer<typeof ListModelsOutput>;

export const LIST_MODELS_TOOL: ToolDefinition = {
  name: 'list_models',
  title: 'List the models',
  description: 'List the models that may be used, with what each can do.',
  scope: 'inference',
  input: ListModelsArguments,
  output: ListModelsOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
};

/** `route`: for a name that stands for others. */
export const modelDescription = (
  { source: _path, ...known }: ModelManifest,
  route?: NonNullable<ModelDescription['route']>,
): ModelDescription => ({ ...known, ...(route && { route }) });
