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
  TargetStats,
  usagePhase,
  UsageMeter,
  validationPhase,
  type AttemptObserver,
  type LifeSettings,
  type LimitsOf,
  type ValidationLimits,
} from '@golek/kernel';
import type { InferenceCall, PhaseContribution } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { ReliabilityManager, type ReliabilityManagerOptions } from './reliability/reliability-manager.ts';
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
/** Load, latency and errors of the models, from the attempts on them. */
export const TARGET_STATS = serviceToken<TargetStats>('target stats');

/** Contribute an observer to have it told of every attempt on a target. */
export const ATTEMPT_OBSERVERS = collectionToken<AttemptObserver>('attempt observers');
/** The policies that protect targets, and the state of their breakers, places and retry budgets. */
export const RELIABILITY = serviceToken<ReliabilityManager>('reliability');

export interface KernelModuleOptions {
  /** The same for every call, or those of each. */
  readonly limits: ValidationLimits | LimitsOf;
  /** Default: the default policy for every target. */
  readonly reliability?: Pick<ReliabilityManagerOptions, 'settings' | 'timeoutsOf'>;
  /** How long models stay in memory, and how many. Default: all, until they are unloaded or a load finds no memory. */
  readonly life?: LifeSettings;
}

/** The inference kernel: model registry, sessions, usage meter, engine, and the phases that are always there (validation, usage, request log). */
export const kernelModule = ({ limits, reliability, life }: KernelModuleOptions): SystemModule => ({
  name: 'kernel',
  register: (registrar) => {
    const limitsOf: LimitsOf = typeof limits === 'function' ? limits : () => limits;
    const outputLimitOf = (call: InferenceCall): number | undefined => limitsOf(call).maxOutputTokens;
    registrar.register({
      token: MODELS,
      needs: [EVENTS, LOG],
      create: (events, log) => new ModelRegistry({ publish: (event) => events.publish(event), log }),
    });
    registrar.register({
      token: TARGET_STATS,
      needs: [EVENTS],
      create: (events) => {
        const stats = new TargetStats();
        events.subscribe(
          ({ event }) => {
            if (event.type === 'model.unregistered') stats.forget(event.model);
          },
          ['model.unregistered'],
        );
        return stats;
      },
    });
    registrar.contribute({
      to: ATTEMPT_OBSERVERS,
      name: 'target-stats',
      needs: [TARGET_STATS],
      create: (stats) => stats,
    });
    registrar.contribute({
      to: ATTEMPT_OBSERVERS,
      name: 'canaries',
      needs: [MODELS, TARGET_STATS],
      create: ({ routes }, stats) => ({
        end: (call, record) => routes.ended(call, record, stats.wasLoaded(record)),
      }),
    });
    registrar.register({
      token: RELIABILITY,
      needs: [MODELS, EVENTS],
      create: (models, events) => new ReliabilityManager({ models, events, ...reliability }),
    });
    registrar.register({ token: USAGE, create: () => new UsageMeter() });
    registrar.register({
      token: SESSIONS,
      needs: [EXTENSIONS, EVENTS, TARGET_STATS, MODELS, LOG],
      create: ({ providers }, events, stats, models, log) =>
        new SessionPool({
          providers,
          events,
          log,
          ...(life && { life }),
          onOpen: (model, capabilities) => {
            // Its load may have ended after it was unregistered.
            if (models.resolve(model)) stats.opened(model, capabilities);
          },
        }),
    });
    registrar.register({
      token: EVENTS,
      needs: [LOG],
      create: (log) => new EventBus({ node: nodeName(), log, firstId: Date.now() }),
    });
    registrar.register({
      token: EXTENSIONS,
      needs: [PHASES, PROVIDERS],
      create: (phases, providers) => new ExtensionPoints({ phases, providers }),
    });
    registrar.contribute({
      to: PHASES,
      name: 'route',
      needs: [MODELS, TARGET_STATS, RELIABILITY],
      create: (models, stats, { guards }) => routePhase(models, { stats, blocked: (model) => guards.blocked(model) }),
    });
    registrar.contribute({ to: PHASES, name: 'validation', create: () => validationPhase(limitsOf) });
    registrar.contribute({ to: PHASES, name: 'usage', needs: [USAGE], create: usagePhase });
    registrar.contribute({ to: PHASES, name: 'request-log', needs: [LOG], create: requestLogPhase });
    registrar.register({
      token: ENGINE,
      needs: [MODELS, SESSIONS, EXTENSIONS, RELIABILITY, ATTEMPT_OBSERVERS, LOG],
      create: (models, sessions, { phases }, { guards }, observers, log) =>
        new Engine({ phases, dispatch: dispatcher({ models, sessions, guards, observers, outputLimitOf, log }), log }),
    });
  },
});

/** Two processes of one machine are two nodes. */
const nodeName = (): string => `${hostname()}-${process.pid}`;
