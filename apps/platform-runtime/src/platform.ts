import { MemoryKeyValueStore } from '@golek/core';
import type { Log } from '@golek/plugins-api';
import {
  createSystem,
  ENGINE,
  EVENTS,
  kernelModule,
  reliabilityConfig,
  type Configuration,
  type Environment,
  type Override,
  type System,
  type SystemModule,
} from '@golek/system';
import { limitsConfig, lifecycleConfig } from './config/runtime-config.ts';
import { configModules, type LiveConfiguration } from './modules/config-module.ts';
import type { RuntimeState } from './http/index.ts';
import { ggufModule, type Isolation } from './modules/gguf-module.ts';
import { modelLifeModule } from './modules/model-life-module.ts';
import { modelsModule } from './modules/models-module.ts';
import { lifeSettings } from './models/life-settings.ts';
import { modelsConfig } from './config/models-config.ts';
import { upstreamsModule } from './modules/upstreams-module.ts';
import type { PlatformModel } from './models/platform-model.ts';
import { onnxModule } from './modules/onnx-module.ts';
import { pluginModules } from './modules/plugins-module.ts';
import { telemetryModules } from './modules/telemetry-module.ts';
import { ownTimeouts } from './reliability/own-timeouts.ts';
import { reliabilityModule } from './modules/reliability-module.ts';
import { routesModule } from './modules/routes-module.ts';

export interface PlatformOptions {
  readonly configuration: Configuration;
  /** What the configuration follows. Default: nothing; changes are kept in memory. */
  readonly live?: LiveConfiguration;
  readonly log: Log;
  /** Models to be registered, as `listModels` gives them. */
  readonly models: readonly PlatformModel[];
  /** Whether the models that upstreams list are served too, where `upstreams[].models` asks for it. Default false. */
  readonly discover?: boolean;
  /** What serves the platform to others, e.g. `httpModule`. Default: nothing, for use in this process. */
  readonly server?: (lifecycle: PlatformLifecycle) => SystemModule | readonly SystemModule[];
  /** Where models run when `gguf.isolation` is `auto`. */
  readonly isolation: Isolation;
  /** Absolute path of the data folder, where own builds of llama.cpp are. Default: that of `live`; without both none is used. */
  readonly home?: string;
  /** Where the standard OTEL_* variables are looked for by a platform that serves others. Default: nowhere. */
  readonly environment?: Environment;
  /** Further modules, e.g. with a provider or a phase. */
  readonly modules?: readonly SystemModule[];
  readonly overrides?: readonly Override[];
}

/** What a server has to know and to do when the platform starts and stops. */
export interface PlatformLifecycle {
  readonly state: () => RuntimeState;
  /** Called when the platform takes no new requests: end what takes longer than `graceMs` milliseconds. @returns whether all ended by itself. */
  readonly onDrain: (drain: (graceMs: number) => Promise<boolean>) => void;
}

/** A composed platform; nothing runs before `system.start()`. */
export interface Platform {
  readonly system: System;
  /** Takes no new requests and waits up to `lifecycle.graceMs` for those in progress, then cuts them off. @returns true when all ended by themselves. */
  readonly drain: () => Promise<boolean>;
}

/** Composes configuration, providers, model registry, engine and, where one is given, a server. Throws `composition_invalid`. */
export const createPlatform = (options: PlatformOptions): Platform => {
  const {
    configuration,
    live = { store: new MemoryKeyValueStore() },
    log,
    models,
    discover = false,
    server,
    isolation,
    home = live.home,
    environment = {},
    modules = [],
    overrides = [],
  } = options;
  const drains: ((graceMs: number) => Promise<boolean>)[] = [];
  let announced: 'started' | 'stopping' | undefined;
  const announce = (what: 'started' | 'stopping'): void => {
    // A system that never ran has nobody to tell that it stops.
    if (announced === what || (what === 'stopping' && announced === undefined)) return;
    announced = what;
    system.get(EVENTS).publish({ type: `system.${what}` });
  };
  const state = (): RuntimeState => {
    if (announced === 'stopping') return 'stopping';
    if (system.state === 'running') return 'running';
    return system.state === 'new' || system.state === 'starting' ? 'starting' : 'stopping';
  };
  const system: System = createSystem({
    configuration,
    log,
    overrides,
    modules: [
      kernelModule({
        limits: ({ principal: { tenant }, overrides: own }) =>
          configuration.effective(limitsConfig, { tenant, overrides: own }),
        reliability: { settings: configuration.get(reliabilityConfig), timeoutsOf: ownTimeouts(configuration) },
        life: lifeSettings(configuration.get(modelsConfig)),
      }),
      ...configModules(live),
      ggufModule({ auto: isolation, home }),
      onnxModule(isolation),
      upstreamsModule,
      modelsModule({ models, discover, file: live.file }),
      modelLifeModule,
      routesModule,
      reliabilityModule,
      ...modules,
      ...(server
        ? [
            ...telemetryModules(configuration, environment),
            ...pluginModules(live, configuration),
            ...[server({ state, onDrain: (drain) => void drains.push(drain) })].flat(),
          ]
        : []),
    ],
    onState: (entered) => {
      if (entered === 'running') announce('started');
      else if (entered === 'stopping') announce('stopping');
    },
  });
  return {
    system,
    drain: async () => {
      announce('stopping');
      const { graceMs } = configuration.get(lifecycleConfig);
      const ended = await Promise.all([system.get(ENGINE).drain(graceMs), ...drains.map((drain) => drain(graceMs))]);
      return ended.every(Boolean);
    },
  };
};
