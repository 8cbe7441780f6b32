import { configSection } from '@golek/system';
import { z } from 'zod';

const ConfiguredModel = z
  .strictObject({
    name: z.string().min(1).max(128).describe('Name in requests.'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('Model file. Relative to golek.yaml there, else to the working folder.'),
    provider: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Who runs the model, in place of `path`: the id of an upstream, or of a provider that a plugin brings.',
      ),
    model: z.string().min(1).optional().describe('Name of the model at its provider. Default: `name`.'),
    options: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Settings of this model. With `path` each overrides the one of the same name under `gguf`; for an upstream: `tasks`, `contextLength`, `embeddingLength`, `options`, `body`, `verify`.',
      ),
  })
  .refine(({ path, provider }) => (path === undefined) !== (provider === undefined), {
    error: "a model needs 'path' (a file) or 'provider' (an upstream), and not both",
  })
  .refine(({ path, model }) => path === undefined || model === undefined, {
    error: "'model' goes with 'provider'; a model with 'path' is its file",
  });

const unique = (models: readonly { readonly name: string }[]): boolean =>
  new Set(models.map(({ name }) => name)).size === models.length;

export const modelsConfig = configSection(
  'models',
  z
    .strictObject({
      list: z
        .array(ConfiguredModel)
        .max(1000)
        .refine(unique, 'two models have the same name')
        .default([])
        .meta({ live: true })
        .describe('Models by name: files, and models of upstreams.'),
      folders: z
        .array(z.string().min(1))
        .max(100)
        .default([])
        .describe('Folders in which model files are looked for, beside `models` in the data folder.'),
      default: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Model for a command or example that names none. Default: the first of the list, else the bundled one.',
        ),
      bundled: z.boolean().default(true).describe('Serve also golek-tiny, the small model that ships with Golek.'),
    })
    .describe('Which models there are.'),
);
