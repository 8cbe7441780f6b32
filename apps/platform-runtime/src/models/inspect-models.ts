import path from 'node:path';
import { GolekError } from '@golek/api';
import type { ModelEntry } from '@golek/kernel';
import type { ModelSource, Provider } from '@golek/providers-spi';

/** A model whose file cannot be used. */
export interface FailedModel {
  readonly source: ModelSource;
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
  sources: readonly ModelSource[],
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<Inspection> => {
  const results = new Map<ModelSource, ModelEntry | GolekError>();
  const waiting = sources.values();
  const work = async (): Promise<void> => {
    for (const source of waiting) results.set(source, await inspect(source, providers, signal));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  signal.throwIfAborted();
  const entries: ModelEntry[] = [];
  const failed: FailedModel[] = [];
  for (const source of sources) {
    const result = results.get(source);
    if (result instanceof GolekError) failed.push({ source, error: result });
    else if (result) entries.push(result);
  }
  return { entries, failed };
};

const inspect = async (
  source: ModelSource,
  providers: readonly Provider[],
  signal: AbortSignal,
): Promise<ModelEntry | GolekError> => {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    return { source, manifest: await providerFor(source, providers).inspect(source, { signal: limit }) };
  } catch (thrown) {
    return GolekError.from(thrown, 'model_load_failed');
  }
};

/** The provider that says it opens the file's format; where none does, the first: it looks at the content. */
const providerFor = ({ name, location }: ModelSource, providers: readonly Provider[]): Provider => {
  const format = path.extname(location).slice(1).toLowerCase();
  const provider = providers.find(({ capabilities }) => capabilities.formats.includes(format)) ?? providers[0];
  if (!provider) throw new GolekError('unsupported', `no provider is installed that could open the model '${name}'`);
  return provider;
};
