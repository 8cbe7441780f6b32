import type { LifecycleEvent } from '@golek/api';
import { definePlugin, SILENT_LOG, type PhaseContribution, type Plugin, type PluginHost } from '@golek/plugins-api';
import type { Provider } from '@golek/providers-spi';
import { fakeProvider, type FakeModel } from '@golek/providers-spi/testing';
import { createCall } from '../create-call.ts';
import { dispatcher } from '../dispatch.ts';
import { Engine } from '../engine.ts';
import { EventBus } from '../events/event-bus.ts';
import { ExtensionPoints } from '../extensions/extension-points.ts';
import { ModelRegistry } from '../models/model-registry.ts';
import { SessionPool } from '../models/session-pool.ts';
import { routePhase } from '../phases/route-phase.ts';
import { PluginManager } from './plugin-manager.ts';
import type { PluginSettings } from './plugin-settings.ts';
import type { LoadedPlugin, PluginSource } from './plugin-source.ts';

export interface PluginKernelOptions {
  readonly models?: Readonly<Record<string, FakeModel>>;
  readonly providers?: readonly Provider[];
  readonly phases?: readonly PhaseContribution[];
  readonly settings?: Partial<PluginSettings>;
}

const LIMITS: PluginSettings = {
  startLimitMs: 5_000,
  stopLimitMs: 5_000,
  drainLimitMs: 60_000,
  healthLimitMs: 5_000,
  options: {},
};

/** A kernel with a plugin manager, over a fake provider whose models are registered under their locations. */
export const pluginKernel = async ({
  models = { m: {} },
  providers,
  phases = [],
  settings = {},
}: PluginKernelOptions = {}) => {
  const events: LifecycleEvent[] = [];
  const bus = new EventBus({ node: 'test', log: SILENT_LOG });
  bus.subscribe(({ event }) => void events.push(event));
  const registry = new ModelRegistry();
  const all = providers ?? [fakeProvider({ models })];
  const signal = new AbortController().signal;
  for (const name of Object.keys(models)) {
    const source = { name, location: name };
    for (const provider of all.slice(0, 1))
      registry.register({ source, manifest: await provider.inspect(source, { signal }) });
  }
  const extensions = new ExtensionPoints({ phases: [routePhase(registry), ...phases], providers: all });
  const sessions = new SessionPool({ providers: extensions.providers, events: bus, failureMemoryMs: 0 });
  const engine = new Engine({ phases: extensions.phases, dispatch: dispatcher({ models: registry, sessions }) });
  const manager = new PluginManager({
    extensions,
    events: bus,
    infer: (request, options) => engine.run(createCall({ request, ...options })),
    settings: () => ({ ...LIMITS, ...settings }),
    log: SILENT_LOG,
  });
  return { manager, extensions, sessions, engine, registry, bus, events };
};

/** A source whose next version a test sets. */
export class ChangingSource implements PluginSource {
  readonly origin = 'test';
  readonly name: string;
  released = 0;
  next: () => Plugin;

  constructor(next: () => Plugin) {
    this.next = next;
    this.name = next().name;
  }

  load(): Promise<LoadedPlugin> {
    return new Promise((resolve) => {
      resolve({ plugin: this.next(), release: () => void (this.released += 1) });
    });
  }
}

export const pluginOf = (
  name: string,
  version = '1.0.0',
  setup: (host: PluginHost<undefined>) => void | Promise<void> = () => undefined,
  more: Partial<Plugin<undefined>> = {},
): Plugin => definePlugin({ name, version, setup, ...more });
