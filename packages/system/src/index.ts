export { configSection, type ConfigOf, type ConfigSection } from './configuration/config-section.ts';
export { configurationKeys, type ConfigKey } from './configuration/config-key.ts';
export {
  CONFIG_LAYERS,
  sourceText,
  type ConfigLayer,
  type ConfigProblem,
  type ConfigSource,
} from './configuration/config-source.ts';
export { Configuration, type ConfigExplanation, type ConfigListener } from './configuration/configuration.ts';
export type { Environment } from './configuration/environment-layer.ts';
export type { ConfigFile } from './configuration/file-layer.ts';
export type { FlagValue } from './configuration/flag-layer.ts';
export { readConfigFile } from './configuration/read-config-file.ts';
export { resolveConfiguration, type ConfigurationLayers } from './configuration/resolve-configuration.ts';
export { configurationJsonSchema } from './configuration/json-schema.ts';
export { configurationReference } from './configuration/reference.ts';
export {
  collectionToken,
  serviceToken,
  type CollectionToken,
  type ServicesOf,
  type ServiceToken,
} from './registry/service-token.ts';
export type { Contribution, Registration, ServiceRecipe, ServiceRegistrar } from './registry/registration.ts';
export { override, type Override } from './registry/service-registry.ts';
export { sectionsOf, type ModuleContext, type SystemModule } from './system-module.ts';
export { CONFIGURATION, createSystem, LOG, System, type SystemOptions, type SystemState } from './system.ts';
export {
  ENGINE,
  EVENTS,
  EXTENSIONS,
  kernelModule,
  MODELS,
  PHASES,
  PROVIDERS,
  SESSIONS,
  USAGE,
  type KernelModuleOptions,
} from './kernel-module.ts';
export { LOG_FORMATS, LOG_LEVELS, logConfig } from './logging/log-config.ts';
export { createLogger, type LoggerOptions } from './logging/create-logger.ts';
export { runUntilSignal, signalExitCode, type RunUntilSignalOptions } from './lifecycle/run-until-signal.ts';
