import path from 'node:path';
import { GolekError, nearest } from '@golek/api';
import type { ModelEntry } from '@golek/kernel';
import type { Provider } from '@golek/providers-spi';
import type { PlatformModel } from './platform-model.ts';

/** A model that cannot be used. */
export interface FailedModel {
  readonly model: PlatformModel;
  readonly error: GolekError;
}

export interface Inspection {
  readonly entries: readonly ModelEntry[];
  readonly failed: readonly FailedModel[];
}

const AT_ONCE = 4;
const LIMIT_MS = 30_000;

/** Reads what each model is, a few at a time and 30 s at most for each. A model that cannot be read is a result, not an error. */
export const inspectModels = async (
  models: readonly PlatformModel[],
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<Inspection> => {
  const results = new Map<PlatformModel, ModelEntry | GolekError>();
  const waiting = models.values();
  const work = async (): Promise<void> => {
    for (const model of waiting) results.set(model, await inspect(model, providers, signal));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  signal.throwIfAborted();
  const entries: ModelEntry[] = [];
  const failed: FailedModel[] = [];
  for (const model of models) {
    const result = results.get(model);
    if (result instanceof GolekError) failed.push({ model, error: result });
    else if (result) entries.push(result);
  }
  return { entries, failed };
};

const inspect = async (
  model: PlatformModel,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<ModelEntry | GolekError> => {
  const { source } = model;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    return { source, manifest: await providerFor(model, providers).inspect(source, { signal: limit }) };
  } catch (thrown) {
    return GolekError.from(thrown, 'model_load_failed');
  }
};

/** The provider that is named; else the one that says it opens the file's format; where none does, the first that opens files: it looks at the content. */
const providerFor = ({ source, provider: id }: PlatformModel, providers: readonly Provider[]): Provider => {
  const { name, location } = source;
  if (id !== undefined) {
    const named = providers.find((provider) => provider.id === id);
    if (named) return named;
    const known = providers.map((provider) => provider.id);
    const hint = nearest(id, known);
    const remedy = hint === undefined ? `known are ${known.join(', ') || 'none'}` : `did you mean '${hint}'?`;
    throw new GolekError('unsupported', `model '${name}' names the provider '${id}', which there is not; ${remedy}`, {
      details: { model: name, provider: id },
    });
  }
  const format = path.extname(location).slice(1).toLowerCase();
  const ofFiles = providers.filter(({ capabilities }) => capabilities.formats.length > 0);
  const provider = ofFiles.find(({ capabilities }) => capabilities.formats.includes(format)) ?? ofFiles[0];
  if (!provider) throw new GolekError('unsupported', `no provider is installed that could open the model '${name}'`);
  return provider;
};
