import { hostname } from 'node:os';
import {
  dispatcher,
  Engine,
  EventBus,
  ExtensionPoints,
  ModelRegistry,
  requestLogPhase,
  routePhase,
  SessionPool,
  usagePhase,
  UsageMeter,
  validationPhase,
  type ValidationLimits,
} from '@golek/kernel';
import type { PhaseContribution } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { GolekError } from '@golek/api';
import { LOG } from './system.ts';
import { collectionToken, serviceToken } from './registry/service-token.ts';
import type { SystemModule } from './system-module.ts';

/** Contribute a provider to have its models run. */
export const PROVIDERS = collectionToken<Provider>('providers');
/** Contribute an interceptor or observer to have it join the pipeline. */
export const PHASES = collectionToken<PhaseContribution>('phases');
export const MODELS = serviceToken<ModelRegistry>('models');
export const SESSIONS = serviceToken<SessionPool>('sessions');
export const USAGE = serviceToken<UsageMeter>('usage');
export const ENGINE = serviceToken<Engine>('engine');
/** Where plugins add to a running system. Holds what modules contributed from the start. */
export const EXTENSIONS = serviceToken<ExtensionPoints>('extension points');
export const EVENTS = serviceToken<EventBus>('event bus');

export interface KernelModuleOptions {
  readonly limits: ValidationLimits;
}

/** The inference kernel: model registry, sessions, usage meter, engine, and the phases that are always there (validation, usage, request log). */
export const kernelModule = ({ limits }: KernelModuleOptions): SystemModule => ({
  name: 'kernel',
  register: (registrar) => {
    registrar.register({ token: MODELS, create: () => new ModelRegistry() });
    registrar.register({ token: USAGE, create: () => new UsageMeter() });
    registrar.register({
      token: SESSIONS,
      needs: [PROVIDERS],
      create: (providers) => new SessionPool({ providers: byId(providers) }),
    });
    registrar.register({ token: EVENTS, needs: [LOG], create: (log) => new EventBus({ node: hostname(), log }) });
    registrar.register({
      token: EXTENSIONS,
      needs: [PHASES, PROVIDERS],
      create: (phases, providers) => new ExtensionPoints({ phases, providers }),
    });
    registrar.contribute({ to: PHASES, name: 'route', needs: [MODELS], create: routePhase });
    registrar.contribute({ to: PHASES, name: 'validation', create: () => validationPhase(limits) });
    registrar.contribute({ to: PHASES, name: 'usage', needs: [USAGE], create: usagePhase });
    registrar.contribute({ to: PHASES, name: 'request-log', needs: [LOG], create: requestLogPhase });
    registrar.register({
      token: ENGINE,
      needs: [MODELS, SESSIONS, EXTENSIONS, LOG],
      create: (models, sessions, { phases }, log) =>
        new Engine({ phases, dispatch: dispatcher(models, sessions), log }),
    });
  },
});

const byId = (providers: readonly Provider[]): ReadonlyMap<string, Provider> => {
  const map = new Map<string, Provider>();
  for (const provider of providers) {
    if (map.has(provider.id)) {
      throw new GolekError('composition_invalid', `two providers have the id '${provider.id}'; each needs its own`);
    }
    map.set(provider.id, provider);
  }
  return map;
};
