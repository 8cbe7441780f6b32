import type { Log } from '@golek/plugins-api';
import type { ModelSource } from '@golek/providers-spi';
import {
  createSystem,
  ENGINE,
  kernelModule,
  type Configuration,
  type Override,
  type System,
  type SystemModule,
} from '@golek/system';
import { limitsConfig, lifecycleConfig } from './config/runtime-config.ts';
import { ggufModule, type Isolation } from './modules/gguf-module.ts';
import { modelsModule } from './modules/models-module.ts';

export interface PlatformOptions {
  readonly configuration: Configuration;
  readonly log: Log;
  /** Models to be registered, as `listModels` gives them. */
  readonly sources: readonly ModelSource[];
  /** What serves the platform to others, e.g. `httpModule`; it is told whether the platform takes requests. Default: nothing, for use in this process. */
  readonly server?: (ready: () => boolean) => SystemModule;
  /** Where models run when `gguf.isolation` is `auto`. */
  readonly isolation: Isolation;
  /** Further modules, e.g. with a provider or a phase. */
  readonly modules?: readonly SystemModule[];
  readonly overrides?: readonly Override[];
}

/** A composed platform; nothing runs before `system.start()`. */
export interface Platform {
  readonly system: System;
  /** Takes no new requests and waits up to `lifecycle.graceMs` for those in progress, then cuts them off. @returns true when all ended by themselves. */
  readonly drain: () => Promise<boolean>;
}

/** Composes configuration, providers, model registry, engine and, where one is given, a server. Throws `composition_invalid`. */
export const createPlatform = (options: PlatformOptions): Platform => {
  const { configuration, log, sources, server, isolation, modules = [], overrides = [] } = options;
  const { maxOutputTokens, maxTools, maxInputs } = configuration.get(limitsConfig);
  const { graceMs } = configuration.get(lifecycleConfig);
  let draining = false;
  const system: System = createSystem({
    configuration,
    log,
    overrides,
    modules: [
      kernelModule({ limits: { maxOutputTokens, maxTools, maxInputs } }),
      ggufModule(isolation),
      modelsModule(sources),
      ...modules,
      ...(server ? [server(() => system.state === 'running' && !draining)] : []),
    ],
  });
  return {
    system,
    drain: async () => {
      draining = true;
      return system.get(ENGINE).drain(graceMs);
    },
  };
};
