import { ModelManifest } from '@golek/api';
import { z } from 'zod';

/** A model as OpenAI's clients list it; `golek` tells what Golek knows beside, but not where the file is. */
export const WireModel = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string().describe('The provider that runs the model.'),
    golek: ModelManifest.omit({ name: true, provider: true, source: true, created: true }),
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

export const modelList = (manifests: readonly ModelManifest[]): z.infer<typeof ModelList> => ({
  object: 'list',
  data: manifests.map(wireModel),
});
