import { GolekError, nearest, type ModelRouteInput } from '@golek/api';
import { programPlugin, type ValidationLimits } from '@golek/kernel';
import type { Log, PhaseContribution, Plugin } from '@golek/plugins-api';
import { createGgufProvider, createIsolatedGgufProvider, type GgufProviderOptions } from '@golek/provider-gguf';
import { createIsolatedOnnxProvider, createOnnxProvider, type OnnxProviderOptions } from '@golek/provider-onnx';
import type { Provider } from '@golek/providers-spi';
import {
  createSystem,
  DEFAULT_PLUGIN_SETTINGS,
  EXTENSIONS,
  kernelModule,
  MODELS,
  PHASES,
  PLUGINS,
  pluginsModule,
  PROVIDERS,
  serviceToken,
  type ReliabilitySettings,
  type SystemModule,
} from '@golek/system';
import { inspectModels, SHIPPED_MODELS, shippedModelFor, type PortableModel } from './portable-models.ts';
import { parseReliability, parseRoute } from './parse-request.ts';
import { parseLife, type PortableLife } from './portable-life.ts';
import { PortableRuntime } from './portable-runtime.ts';

export interface PortableRuntimeOptions {
  /** Models by name: a path of a GGUF or ONNX file, or where and how another provider finds it. Default: the shipped golek-tiny, and golek-embed for embeddings. */
  readonly models?: Readonly<Record<string, PortableModel>>;
  /** Settings of the GGUF provider. */
  readonly gguf?: GgufProviderOptions;
  /** Settings of the ONNX provider. */
  readonly onnx?: OnnxProviderOptions;
  /** Where the engines run: in this process (default), or each model in a supervised child process. */
  readonly isolation?: 'in-process' | 'process';
  /** Providers beside these. */
  readonly providers?: readonly Provider[];
  /** Names that stand for one or more models: aliases, load balancing, failover. They may be changed later: `setRoute`. */
  readonly routes?: readonly ModelRouteInput[];
  /** Interceptors and observers that join the pipeline. */
  readonly phases?: readonly PhaseContribution[];
  /** Plugins, made by `definePlugin`; the runtime does not start without them. */
  readonly plugins?: readonly Plugin[];
  /** Options of the plugins, by their names. */
  readonly pluginOptions?: Readonly<Record<string, unknown>>;
  /** Modules that join the system, to bring or replace services. */
  readonly modules?: readonly SystemModule[];
  readonly limits?: Partial<ValidationLimits>;
  /** Time limits, retries, breakers, bounds and hedging, for all models or some; default: two tries, a breaker after five failures in a row. */
  readonly reliability?: ReliabilitySettings;
  /** How long models stay in memory, and how many; default: all, until a load finds no memory. */
  readonly life?: PortableLife;
  /** A pino logger or alike; default: silence. */
  readonly log?: Log;
  /** Ends the start. */
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = [
  'models',
  'gguf',
  'onnx',
  'isolation',
  'providers',
  'routes',
  'phases',
  'plugins',
  'pluginOptions',
  'modules',
  'limits',
  'reliability',
  'life',
  'log',
  'signal',
] as const satisfies readonly (keyof PortableRuntimeOptions)[];

const DEFAULT_LIMITS: ValidationLimits = { maxTools: 128, maxInputs: 2048 };

const REGISTERED = serviceToken<number>('registered-models');

const portableModule = (options: PortableRuntimeOptions, signal: AbortSignal): SystemModule => ({
  name: 'portable',
  register: (registrar) => {
    const {
      isolation = 'in-process',
      gguf = {},
      onnx = {},
      providers = [],
      phases = [],
      models = SHIPPED_MODELS,
      routes = [],
    } = options;
    registrar.contribute({
      to: PROVIDERS,
      name: 'gguf',
      create: () => (isolation === 'process' ? createIsolatedGgufProvider(gguf) : createGgufProvider(gguf)),
    });
    registrar.contribute({
      to: PROVIDERS,
      name: 'onnx',
      create: () => (isolation === 'process' ? createIsolatedOnnxProvider(onnx) : createOnnxProvider(onnx)),
    });
    for (const provider of providers)
      registrar.contribute({ to: PROVIDERS, name: provider.id, create: () => provider });
    for (const phase of phases) registrar.contribute({ to: PHASES, name: phase.name, create: () => phase });
    registrar.register({
      token: REGISTERED,
      // A model may belong to a provider of a plugin.
      needs: [MODELS, EXTENSIONS, PLUGINS],
      create: async (registry, { providers: all }) => {
        const entries = await inspectModels(models, all.items, signal);
        for (const entry of entries) registry.register(entry);
        registry.routes.replaceAll(routes.map(parseRoute));
        return entries.length;
      },
    });
  },
});

const refuseUnknown = (options: PortableRuntimeOptions): void => {
  const unknown = Object.keys(options).find((key) => !(OPTION_NAMES as readonly string[]).includes(key));
  if (unknown === undefined) return;
  const hint = nearest(unknown, OPTION_NAMES);
  throw new GolekError(
    'config_invalid',
    `createPortableRuntime has no option '${unknown}'${hint ? `; did you mean '${hint}'?` : ''}`,
  );
};

/**
 * Starts the kernel in this program: no server, no database, no network. Models are read at once and loaded at their first request.
 * Throws `model_not_found`, `model_invalid`, `config_invalid`, `plugin_invalid` or `plugin_failed`; nothing is left running then.
 *
 * @example await using golek = await createPortableRuntime({ models: { mine: './model.gguf' } });
 */
export const createPortableRuntime = async (options: PortableRuntimeOptions = {}): Promise<PortableRuntime> => {
  refuseUnknown(options);
  const {
    limits,
    reliability = {},
    life,
    plugins = [],
    pluginOptions = {},
    log,
    modules = [],
    signal = new AbortController().signal,
  } = options;
  const system = createSystem({
    modules: [
      kernelModule({
        limits: { ...DEFAULT_LIMITS, ...limits },
        reliability: { settings: parseReliability(reliability) },
        life: parseLife(life),
      }),
      pluginsModule({
        plugins: plugins.map(programPlugin),
        settings: () => ({ ...DEFAULT_PLUGIN_SETTINGS, options: pluginOptions }),
      }),
      portableModule(options, signal),
      ...modules,
    ],
    ...(log && { log }),
  });
  await system.start({ signal });
  return new PortableRuntime(system, options.models ? undefined : shippedModelFor);
};
