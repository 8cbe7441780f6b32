export { configSection, type ConfigOf, type ConfigSection } from './configuration/config-section.ts';
export { configurationKeys, type ConfigKey, type OverrideScope } from './configuration/config-key.ts';
export {
  CONFIG_LAYERS,
  problemText,
  sourceText,
  type ConfigLayer,
  type ConfigProblem,
  type ConfigSource,
} from './configuration/config-source.ts';
export {
  Configuration,
  type CheckProblem,
  type ConfigCheck,
  type ConfigExplanation,
  type ConfigListener,
  type ConfigScope,
  type ShownValue,
  type WatchOptions,
} from './configuration/configuration.ts';
export type { Environment } from './configuration/environment-layer.ts';
export type { ConfigFile } from './configuration/file-layer.ts';
export type { FlagValue } from './configuration/flag-layer.ts';
export { readConfigFile } from './configuration/read-config-file.ts';
export { resolveConfiguration } from './configuration/resolve-configuration.ts';
export type { ConfigurationLayers } from './configuration/resolve-layers.ts';
export {
  ConfigurationManager,
  type ChangeOptions,
  type ConfigChange,
  type ConfigTrial,
} from './configuration/configuration-manager.ts';
export {
  CONFIGURATION_MANAGER,
  configurationModule,
  type ConfigurationModuleOptions,
} from './configuration/configuration-module.ts';
export { readSetting } from './configuration/read-setting.ts';
export { readStored, STORED_PREFIX } from './configuration/stored-settings.ts';
export type { StoredSettings } from './configuration/stored-layer.ts';
export { tenantsConfig } from './configuration/tenants-config.ts';
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
  ATTEMPT_OBSERVERS,
  ENGINE,
  EVENTS,
  EXTENSIONS,
  kernelModule,
  MODELS,
  PHASES,
  PROVIDERS,
  RELIABILITY,
  SESSIONS,
  TARGET_STATS,
  USAGE,
  type KernelModuleOptions,
} from './kernel-module.ts';
export { reliabilityConfig } from './reliability/reliability-config.ts';
export { ReliabilityManager } from './reliability/reliability-manager.ts';
export { policyFor, type ReliabilitySettings, type TargetSettings } from './reliability/reliability-settings.ts';
export {
  DEFAULT_PLUGIN_SETTINGS,
  PLUGINS,
  pluginsModule,
  type PluginsModuleOptions,
} from './plugins/plugins-module.ts';
export { LOG_FORMATS, LOG_LEVELS, logConfig } from './logging/log-config.ts';
export { createLogger, type LoggerOptions } from './logging/create-logger.ts';
export { runUntilSignal, signalExitCode, type RunUntilSignalOptions } from './lifecycle/run-until-signal.ts';
export { pluginMetrics } from './telemetry/plugin-metrics.ts';
export {
  METRICS,
  TELEMETRY,
  telemetryModule,
  TRACING,
  type TelemetryModuleOptions,
} from './telemetry/telemetry-module.ts';
