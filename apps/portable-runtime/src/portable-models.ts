import path from 'node:path';
import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import { GolekError, type Task } from '@golek/api';
import type { ModelSource, Provider } from '@golek/providers-spi';
import type { ModelEntry } from '@golek/kernel';

/** A model and, where it differs from a file with default settings, its provider and settings. */
export type PortableModel =
  | string
  | {
      /** A path for local engines; what the provider understands for others. */
      readonly location: string;
      /** Id of the provider; default: the one that opens files of this extension, else `gguf`. */
      readonly provider?: string;
      /** Settings of this model for its provider. */
      readonly options?: Readonly<Record<string, unknown>>;
    };

/** What an embedded runtime has when no models are given. */
export const SHIPPED_MODELS: Readonly<Record<string, PortableModel>> = {
  [golekTiny.name]: golekTiny.path,
  [golekEmbed.name]: golekEmbed.path,
};

/** Which of these works on a request that names none. */
export const shippedModelFor = (task: Task): string => (task === 'embed' ? golekEmbed : golekTiny).name;

/** Reads what the models are. Throws what `Provider.inspect` throws, and `config_invalid` for a provider that is not there. */
export const inspectModels = (
  models: Readonly<Record<string, PortableModel>>,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<ModelEntry[]> =>
  Promise.all(
    Object.entries(models).map(async ([name, model]) => {
      const { location, provider: named, options } = typeof model === 'string' ? { location: model } : model;
      const id = named ?? ofFormat(location, providers);
      const provider = providers.find((candidate) => candidate.id === id);
      if (!provider) {
        const known = providers.map((candidate) => candidate.id).join(', ');
        throw new GolekError('config_invalid', `model '${name}' names the provider '${id}'; there are: ${known}`);
      }
      const source: ModelSource = { name, location, ...(options && { options }) };
      return { source, manifest: await provider.inspect(source, { signal }) };
    }),
  );

/** Id of the provider that opens files of this extension. */
const ofFormat = (location: string, providers: readonly Provider[]): string => {
  const format = path.extname(location).slice(1).toLowerCase();
  return providers.find(({ capabilities }) => capabilities.formats.includes(format))?.id ?? 'gguf';
};
