import path from 'node:path';
import { GolekError, nearest } from '@golek/api';
import { discoverModels } from '@golek/core';
import { golekEmbed } from '@golek/model-embed';
import { golekTiny } from '@golek/model-tiny';
import { modelsConfig } from '../config/models-config.ts';
import { routesConfig } from '../config/routes-config.ts';
import { listedModelsOf, upstreamsConfig } from '../config/upstreams-config.ts';
import { baseOf, expandPath, type PlatformSettings } from '../config/platform-config.ts';
import { askUpstreams } from './ask-upstreams.ts';
import { configuredModels } from './configured-models.ts';
import type { PlatformModel } from './platform-model.ts';
import { servedModels } from './served-models.ts';

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
  /** What the search for model files renamed or left out, and what of the lists of upstreams is not served. */
  readonly notes: readonly string[];
  /** Ids of upstreams that did not list their models, of those whose list is served. */
  readonly away?: readonly string[];
}

/** Models without those that services list. */
const listLocal = async ({ configuration, data, file }: PlatformSettings, signal: AbortSignal) => {
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
  return { configured, discovered, bundled, notes: found.notes };
};

/**
 * Lists the models that are known without asking any service: those of the configuration, of the folders to be searched and the bundled ones. Throws `config_invalid` for a default that is
 * none of them, unless a service may list it.
 */
export const listStartModels = async (settings: PlatformSettings, signal: AbortSignal): Promise<KnownModels> => {
  const { configured, discovered, bundled, notes } = await listLocal(settings, signal);
  const models = [...configured, ...discovered, ...bundled];
  const named = settings.configuration.get(modelsConfig).default;
  const mayBeListed = settings.configuration.get(upstreamsConfig).some((upstream) => listedModelsOf(upstream));
  return { models, default: mayBeListed && named !== undefined ? named : defaultOf(models, named), notes };
};

/** The same with the models that services list, which are asked for them, 5 s at most; one that does not answer is a note. */
export const listModels = async (settings: PlatformSettings, signal: AbortSignal): Promise<KnownModels> => {
  const { configuration } = settings;
  const [local, lists] = await Promise.all([listLocal(settings, signal), askUpstreams(configuration, signal)]);
  const { configured, discovered, bundled } = local;
  const routes = configuration.get(routesConfig).map(({ name }) => name);
  const own = [...discovered, ...bundled];
  const served = servedModels({ configured, routes, own, listed: lists.flatMap(({ selection }) => selection ?? []) });
  const listed = served.listed.map((model) => ({ ...model, origin: 'discovered' as const }));
  const models = [...configured, ...discovered, ...listed, ...bundled];
  const failed = lists.flatMap(({ upstream, failure }) => (failure ? [{ upstream, message: failure.message }] : []));
  const notes = [
    ...local.notes,
    ...served.leftOut.map(
      ({ upstream, model, reason }) => `${model} of the upstream '${upstream}' is left out: ${reason}`,
    ),
    ...failed.map(({ upstream, message }) => `the models of the upstream '${upstream}' are not known: ${message}`),
  ];
  const away = failed.map(({ upstream }) => upstream);
  const byDefault = defaultOf(models, configuration.get(modelsConfig).default, away);
  return { models, default: byDefault, notes, ...(away.length > 0 && { away }) };
};

const defaultOf = (
  models: readonly KnownModel[],
  named: string | undefined,
  away: readonly string[] = [],
): string | undefined => {
  const names = models.map(({ source }) => source.name);
  if (named !== undefined && !names.includes(named)) {
    throw new GolekError(
      'config_invalid',
      `'models.default' names '${named}', which is no known model${knownHint(named, { models, away })}`,
    );
  }
  const byOrigin = (origin: KnownModel['origin']): string | undefined =>
    models.find((model) => model.origin === origin)?.source.name;
  return named ?? byOrigin('configured') ?? byOrigin('bundled') ?? byOrigin('discovered');
};

/** The end of a message about a name that no known model has: which was meant, or which there are, and whose models are not known. */
export const knownHint = (name: string, { models, away = [] }: Pick<KnownModels, 'models' | 'away'>): string => {
  const names = models.map(({ source }) => source.name);
  const hint = nearest(name, names);
  const meant = hint === undefined ? `; known: ${names.join(', ') || 'none'}` : `; did you mean '${hint}'?`;
  return away.length === 0 ? meant : `${meant}; not listed by: ${away.join(', ')}, which did not answer`;
};

/** The name that a model file gets when its user gives none: the file name without extension. */
export const nameOfFile = (file: string): string => path.basename(file, path.extname(file));
