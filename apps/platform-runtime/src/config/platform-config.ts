import { homedir } from 'node:os';
import path from 'node:path';
import { DataFolder } from '@golek/core';
import {
  logConfig,
  readConfigFile,
  resolveConfiguration,
  type Configuration,
  type ConfigSection,
  type Environment,
  type FlagValue,
} from '@golek/system';
import { ggufConfig } from './gguf-config.ts';
import { httpConfig } from './http-config.ts';
import { modelsConfig } from './models-config.ts';
import { homeConfig, lifecycleConfig, limitsConfig } from './runtime-config.ts';

/** All settings of the platform. */
export const PLATFORM_SECTIONS: readonly ConfigSection[] = [
  homeConfig,
  httpConfig,
  modelsConfig,
  ggufConfig,
  limitsConfig,
  logConfig,
  lifecycleConfig,
];

/** Names the configuration file; not a setting, since a file cannot say where it is. */
const FILE_VARIABLE = 'GOLEK_CONFIG';

export interface PlatformSettings {
  readonly configuration: Configuration;
  readonly data: DataFolder;
  /** Absolute path of the configuration file, when there is one. */
  readonly file: string | undefined;
}

export interface SettingsInput {
  /** `process.env` of the application. */
  readonly environment: Environment;
  /** `--config`. */
  readonly file?: string | undefined;
  readonly flags?: readonly FlagValue[];
}

/** A path with a leading `~` for the user's home folder, made absolute. */
export const expandPath = (text: string, base: string): string =>
  path.resolve(base, text === '~' || text.startsWith('~/') ? path.join(homedir(), text.slice(1)) : text);

/**
 * Reads the configuration: the file of `--config` or GOLEK_CONFIG, which must exist, else golek.yaml in the data folder, where there is one.
 * Throws `config_invalid` with every problem found.
 */
export const loadSettings = async ({ environment, file, flags = [] }: SettingsInput): Promise<PlatformSettings> => {
  const named = file ?? (environment[FILE_VARIABLE] || undefined);
  const layers = { sections: PLATFORM_SECTIONS, environment, allowedVariables: [FILE_VARIABLE], flags };
  const path_ =
    named === undefined ? new DataFolder(homeOf(resolveConfiguration(layers))).configFile : expandPath(named, '.');
  const read = await readConfigFile(path_, { required: named !== undefined });
  const configuration = read ? resolveConfiguration({ ...layers, file: read }) : resolveConfiguration(layers);
  return { configuration, data: new DataFolder(homeOf(configuration, path_)), file: read && path_ };
};

/** A relative folder in the file is relative to the file. */
const homeOf = (configuration: Configuration, file?: string): string =>
  expandPath(configuration.get(homeConfig), baseOf(configuration, 'home', file));

/** The folder to which a path in the value of `key` is relative. */
export const baseOf = (configuration: Configuration, key: string, file: string | undefined): string =>
  file !== undefined && configuration.explain(key).layer === 'file' ? path.dirname(file) : process.cwd();
