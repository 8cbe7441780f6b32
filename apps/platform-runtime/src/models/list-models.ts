import path from 'node:path';
import { GolekError, nearest } from '@golek/api';
import { discoverModels } from '@golek/core';
import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import { modelsConfig } from '../config/models-config.ts';
import { baseOf, expandPath, type PlatformSettings } from '../config/platform-config.ts';
import { configuredModels } from './configured-models.ts';
import type { PlatformModel } from './platform-model.ts';

/** Models that ship with Golek: the first one is for whoever names none. */
const BUNDLED = [golekTiny, golekEmbed];

/** A model that the platform may serve; it has not been looked at yet. */
export interface KnownModel extends PlatformModel {
  readonly origin: 'configured' | 'discovered' | 'bundled';
}

export interface KnownModels {
  /** Configured ones first, then those found, then the bundled ones; names are unique. */
  readonly models: readonly KnownModel[];
  /** Name of the model for whoever names none; absent when there is no model. */
  readonly default: string | undefined;
  /** What the search for model files renamed or left out. */
  readonly notes: readonly string[];
}

/** Lists the models of the configuration, of the folders to be searched and the bundled ones. Throws `config_invalid` for a default that is none of them. */
export const listModels = async (settings: PlatformSettings, signal: AbortSignal): Promise<KnownModels> => {
  const { configuration, data, file } = settings;
  const config = configuration.get(modelsConfig);
  const configured = configuredModels(configuration, file).map((model) => ({
    ...model,
    origin: 'configured' as const,
  }));
  const isTaken = (name: string): boolean => configured.some(({ source }) => source.name === name);
  const bundled = (config.bundled ? BUNDLED : [])
    .filter(({ name }) => !isTaken(name))
    .map(({ name, path: location }) => ({ source: { name, location }, origin: 'bundled' as const }));
  const folderBase = baseOf(configuration, 'models.folders', file);
  const folders = [data.path('models'), ...config.folders.map((folder) => expandPath(folder, folderBase))];
  const taken = [...configured, ...bundled].map(({ source }) => ({ name: source.name, path: source.location }));
  const found = await discoverModels(folders, { signal, taken });
  const discovered = found.models.map(({ name, path: location }) => ({
    source: { name, location },
    origin: 'discovered' as const,
  }));
  const models = [...configured, ...discovered, ...bundled];
  return { models, default: defaultOf(models, config.default), notes: found.notes };
};

const defaultOf = (models: readonly KnownModel[], named: string | undefined): string | undefined => {
  const names = models.map(({ source }) => source.name);
  if (named !== undefined && !names.includes(named)) {
    const hint = nearest(named, names);
    throw new GolekError(
      'config_invalid',
      `'models.default' names '${named}', which is no known model${hint ? `; did you mean '${hint}'?` : `; known: ${names.join(', ') || 'none'}`}`,
    );
  }
  const byOrigin = (origin: KnownModel['origin']): string | undefined =>
    models.find((model) => model.origin === origin)?.source.name;
  return named ?? byOrigin('configured') ?? byOrigin('bundled') ?? byOrigin('discovered');
};

/** The name that a model file gets when its user gives none: the file name without extension. */
export const nameOfFile = (file: string): string => path.basename(file, path.extname(file));
