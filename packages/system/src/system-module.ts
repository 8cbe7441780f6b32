import type { Log } from '@golek/plugins-api';
import type { ConfigSection } from './configuration/config-section.ts';
import type { Configuration } from './configuration/configuration.ts';
import type { ServiceRegistrar } from './registry/registration.ts';

/** What a module may use while it registers. */
export interface ModuleContext {
  readonly configuration: Configuration;
  readonly log: Log;
}

/** A part of a runtime: the settings that it takes and the services that it brings. */
export interface SystemModule {
  /** Unique within a system; named in errors. */
  readonly name: string;
  readonly config?: readonly ConfigSection[];
  register(registrar: ServiceRegistrar, context: ModuleContext): void;
}

/** The configuration sections of modules, each once, in their order. */
export const sectionsOf = (modules: readonly SystemModule[]): readonly ConfigSection[] => [
  ...new Set(modules.flatMap((module) => module.config ?? [])),
];
