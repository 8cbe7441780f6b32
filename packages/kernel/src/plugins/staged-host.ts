import {
  GolekError,
  type InferenceEvent,
  type InferenceRequest,
  type LifecycleEventType,
  type PublishedEvent,
} from '@golek/api';
import type { Log, PluginHealth, PluginHost } from '@golek/plugins-api';
import type { ExtensionKind, Extensions } from '../extensions/extension-points.ts';
import { providerOf, type PluginContributions } from './plugin-contributions.ts';
import { withNamedFailures } from './named-failures.ts';
import { transformPhases } from './transform-phases.ts';

/** Runs an inference through all phases, for a plugin. */
export type PluginInference = (
  request: InferenceRequest,
  options: { readonly signal: AbortSignal; readonly protocol: string },
) => AsyncIterable<InferenceEvent>;

/** What a plugin asked for in `setup`. Nothing of it is in effect yet. */
export interface StagedPlugin {
  readonly contributions: PluginContributions;
  readonly onStart: readonly ((signal: AbortSignal) => void | Promise<void>)[];
  readonly onStop: readonly (() => void | Promise<void>)[];
  readonly health: readonly (() => PluginHealth | Promise<PluginHealth>)[];
  readonly listeners: readonly EventListener[];
}

interface EventListener {
  readonly types: readonly LifecycleEventType[];
  readonly listener: (event: PublishedEvent) => void;
}

export interface StagedHostOptions {
  /** Of the plugin. */
  readonly name: string;
  readonly version: string;
  readonly options: unknown;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly infer: PluginInference;
}

/** Lines of a plugin carry its name. */
const logOf = (log: Log, plugin: string): Log => ({
  debug: (fields, message) => log.debug({ plugin, ...fields }, message),
  info: (fields, message) => log.info({ plugin, ...fields }, message),
  warn: (fields, message) => log.warn({ plugin, ...fields }, message),
  error: (fields, message) => log.error({ plugin, ...fields }, message),
});

/** A host that collects what a plugin registers. After `seal` it takes nothing more: the plugin's place in the runtime is fixed when `setup` returns. */
export const stageHost = ({
  name,
  version,
  options,
  signal,
  log,
  infer,
}: StagedHostOptions): { readonly host: PluginHost; readonly staged: StagedPlugin; readonly seal: () => void } => {
  const contributions: { readonly [Kind in ExtensionKind]: Extensions[Kind][] } = {
    phases: [],
    providers: [],
    routes: [],
    authenticators: [],
    exporters: [],
    stores: [],
  };
  const staged = {
    contributions,
    onStart: [] as StagedPlugin['onStart'][number][],
    onStop: [] as StagedPlugin['onStop'][number][],
    health: [] as StagedPlugin['health'][number][],
    listeners: [] as EventListener[],
  };
  let sealed = false;
  const adding =
    <Item extends unknown[]>(what: string, add: (...item: Item) => void) =>
    (...item: Item): void => {
      if (sealed) {
        throw new GolekError(
          'plugin_failed',
          `plugin '${name}' registers a ${what} after its setup has ended; register it in setup`,
        );
      }
      add(...item);
    };
  const host: PluginHost = {
    log: logOf(log, name),
    options,
    signal,
    phase: adding('phase', (phase) => {
      contributions.phases.push(withNamedFailures(name, version, { ...phase, name: `${name}/${phase.name}` }));
    }),
    transform: adding('transform', (transform) => {
      const phases = transformPhases(name, transform);
      contributions.phases.push(...phases.map((phase) => ({ ...phase, name: `${name}/${phase.name}` })));
    }),
    provider: adding('provider', (provider) => void contributions.providers.push(providerOf(name, provider))),
    route: adding('route', (route) => void contributions.routes.push(route)),
    authenticator: adding('authenticator', (one) => void contributions.authenticators.push(one)),
    exporter: adding('exporter', (exporter) => void contributions.exporters.push(exporter)),
    store: adding('store', (store) => void contributions.stores.push(store)),
    onStart: adding('start function', (run) => void staged.onStart.push(run)),
    onStop: adding('stop function', (run) => void staged.onStop.push(run)),
    health: adding('health check', (check) => void staged.health.push(check)),
    on: adding('listener', (types, listener) => void staged.listeners.push({ types, listener })),
    infer: (request, { signal: asked }) =>
      infer(request, { signal: AbortSignal.any([asked, signal]), protocol: `plugin:${name}` }),
  };
  return {
    host,
    staged,
    seal: () => {
      sealed = true;
    },
  };
};
