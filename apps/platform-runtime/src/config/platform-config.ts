import { homedir } from 'node:os';
import path from 'node:path';
import type { KeyValueStore } from '@golek/api';
import { DataFolder, JsonFileStore } from '@golek/core';
import {
  logConfig,
  readConfigFile,
  readStored,
  reliabilityConfig,
  resolveConfiguration,
  tenantsConfig,
  type Configuration,
  type ConfigSection,
  type Environment,
  type FlagValue,
} from '@golek/system';
import { filesConfig } from './files-config.ts';
import { ggufConfig } from './gguf-config.ts';
import { grpcConfig } from './grpc-config.ts';
import { httpConfig } from './http-config.ts';
import { mcpConfig } from './mcp-config.ts';
import { modelsConfig } from './models-config.ts';
import { onnxConfig } from './onnx-config.ts';
import { pluginsConfig } from './plugins-config.ts';
import { responsesConfig } from './responses-config.ts';
import { routesConfig } from './routes-config.ts';
import { homeConfig, lifecycleConfig, limitsConfig } from './runtime-config.ts';
import { telemetryConfig } from './telemetry-config.ts';
import { upstreamsConfig } from './upstreams-config.ts';
import { websocketConfig } from './websocket-config.ts';

/** All settings of the platform. */
export const PLATFORM_SECTIONS: readonly ConfigSection[] = [
  homeConfig,
  httpConfig,
  grpcConfig,
  responsesConfig,
  mcpConfig,
  websocketConfig,
  filesConfig,
  modelsConfig,
  upstreamsConfig,
  routesConfig,
  reliabilityConfig,
  pluginsConfig,
  ggufConfig,
  onnxConfig,
  limitsConfig,
  logConfig,
  telemetryConfig,
  lifecycleConfig,
  tenantsConfig,
];

/** Names the configuration file; not a setting, since a file cannot say where it is. */
const FILE_VARIABLE = 'GOLEK_CONFIG';

export interface PlatformSettings {
  readonly configuration: Configuration;
  readonly data: DataFolder;
  /** Absolute path of the configuration file, when there is one. */
  readonly file: string | undefined;
  /** Absolute path where the configuration file is, or would be. */
  readonly configFile: string;
  /** Keeps what `golek config set` writes. */
  readonly store: KeyValueStore;
}

export interface SettingsInput {
  /** `process.env` of the application. */
  readonly environment: Environment;
  /** `--config`. */
  readonly file?: string | undefined;
  readonly flags?: readonly FlagValue[];
  /** Whether stored settings count; default true. Without them a setting that stops the start can be removed. */
  readonly stored?: boolean;
}

/** A path with a leading `~` for the user's home folder, made absolute. */
export const expandPath = (text: string, base: string): string =>
  path.resolve(base, text === '~' || text.startsWith('~/') ? path.join(homedir(), text.slice(1)) : text);

/**
 * Reads the configuration: the file of `--config` or GOLEK_CONFIG, which must exist, else golek.yaml in the data folder, where there is one; then the settings stored in
 * the data folder. Throws `config_invalid` with every problem found.
 */
export const loadSettings = async ({
  environment,
  file,
  flags = [],
  stored: wanted = true,
}: SettingsInput): Promise<PlatformSettings> => {
  const named = file ?? (environment[FILE_VARIABLE] || undefined);
  const layers = { sections: PLATFORM_SECTIONS, environment, allowedVariables: [FILE_VARIABLE], flags };
  const configFile =
    named === undefined ? new DataFolder(homeOf(resolveConfiguration(layers))).configFile : expandPath(named, '.');
  const read = await readConfigFile(configFile, { required: named !== undefined });
  const written = resolveConfiguration({ ...layers, file: read });
  const data = new DataFolder(homeOf(written, configFile));
  const store = new JsonFileStore(data);
  const stored = wanted ? await readStored(store, new AbortController().signal) : undefined;
  const configuration = stored?.values.size ? resolveConfiguration({ ...layers, file: read, stored }) : written;
  return { configuration, data, file: read && configFile, configFile, store };
};

/** A relative folder in the file is relative to the file. */
const homeOf = (configuration: Configuration, file?: string): string =>
  expandPath(configuration.get(homeConfig), baseOf(configuration, 'home', file));

/** The folder to which a path in the value of `key` is relative. */
export const baseOf = (configuration: Configuration, key: string, file: string | undefined): string =>
  file !== undefined && configuration.explain(key).layer === 'file' ? path.dirname(file) : process.cwd();
