import { ModelManifest } from '@golek/api';
import { z } from 'zod';

/** A model as OpenAI's clients list it; `golek` tells what Golek knows beside, but not where the file is. */
export const WireModel = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string().describe('The provider that runs the model.'),
    golek: ModelManifest.omit({ name: true, provider: true, source: true, created: true }).extend({
      route: z
        .strictObject({ strategy: z.string(), targets: z.array(z.string()) })
        .optional()
        .describe('Present for a name that stands for other models: which ones, and how they are chosen.'),
    }),
  })
  .meta({ id: 'Model' });
export type WireModel = z.infer<typeof WireModel>;

export const ModelList = z
  .strictObject({ object: z.literal('list'), data: z.array(WireModel) })
  .meta({ id: 'ModelList' });

export const wireModel = ({ name, provider, created, source: _path, ...known }: ModelManifest): WireModel => ({
  id: name,
  object: 'model',
  created,
  owned_by: provider,
  golek: known,
});

/** A route as clients see it: a model, and which others it stands for. */
export const wireRoute = (manifest: ModelManifest, route: NonNullable<WireModel['golek']['route']>): WireModel => {
  const { golek, ...model } = wireModel(manifest);
  return { ...model, golek: { ...golek, route } };
};

export const modelList = (data: readonly WireModel[]): z.infer<typeof ModelList> => ({
  object: 'list',
  data: [...data],
});
