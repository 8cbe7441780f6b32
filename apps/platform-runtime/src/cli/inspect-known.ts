import type { ErrorData, ModelManifest } from '@golek/api';
import { createLogger, PROVIDERS, type System } from '@golek/system';
import type { PlatformSettings } from '../config/platform-config.ts';
import { inspectModels } from '../models/inspect-models.ts';
import type { KnownModel } from '../models/list-models.ts';
import type { PlatformModel } from '../models/platform-model.ts';
import { createPlatform } from '../platform.ts';
import type { ModelRow } from './model-table.ts';

/** Looks into the files in this process: reading a header needs no engine. */
export const inspectKnown = async (
  { configuration }: PlatformSettings,
  models: readonly KnownModel[],
  signal: AbortSignal,
): Promise<ModelRow[]> => {
  const log = createLogger({ level: 'error', format: 'auto' });
  await using system: System = createPlatform({
    configuration,
    log,
    models: [],
    isolation: 'in-process',
  }).system;
  await system.start({ signal });
  const { entries, failed } = await inspectModels(models, system.get(PROVIDERS), signal);
  const manifests = new Map<string, ModelManifest>(entries.map(({ manifest }) => [manifest.name, manifest]));
  const errors = new Map<PlatformModel, ErrorData>(failed.map(({ model, error }) => [model, error.toJSON()]));
  return models.map((model) => {
    const { source, origin } = model;
    const manifest = manifests.get(source.name);
    const error = errors.get(model);
    return { name: source.name, path: source.location, origin, ...(manifest && { manifest }), ...(error && { error }) };
  });
};
