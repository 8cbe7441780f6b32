import { LOCAL_PRINCIPAL, ModelRoute, type ModelManifest, type ModelRouteInput } from '@golek/api';
import { ModelRegistry, type RoutingView, type TargetState } from '../index.ts';
import { UNKNOWN_STATE } from './target-state.ts';
import type { RoutedCall } from './sticky-key.ts';

/** A random source that gives the same numbers in every run (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Models by name, with what differs from a model that generates. */
export const registryOf = (
  models: Readonly<Record<string, Partial<ModelManifest>>>,
  routes: readonly ModelRouteInput[] = [],
): ModelRegistry => {
  const registry = new ModelRegistry();
  for (const [name, more] of Object.entries(models)) {
    const manifest: ModelManifest = { name, provider: 'fake', source: name, tasks: ['generate'], created: 0, ...more };
    registry.register({ manifest, source: { name, location: name } });
  }
  registry.routes.replaceAll(routes.map((route) => ModelRoute.parse(route)));
  return registry;
};

export const stateOf = (state: Partial<TargetState>): TargetState => ({ ...UNKNOWN_STATE, ...state });

export const viewOf = (
  registry: ModelRegistry,
  { states = {}, ...more }: Partial<RoutingView> & { readonly states?: Readonly<Record<string, TargetState>> } = {},
): RoutingView => ({
  now: () => 1000,
  state: (model) => states[model],
  capabilities: () => undefined,
  blocked: () => undefined,
  random: seeded(1),
  turn: (route) => registry.routes.turn(route),
  ...more,
});

export const routedCall = (
  model: string,
  { request = {}, ...more }: Partial<Omit<RoutedCall, 'request'>> & { readonly request?: object } = {},
): RoutedCall => ({
  request: { task: 'generate', model, input: { type: 'text', prompt: 'hi' }, ...request },
  principal: LOCAL_PRINCIPAL,
  ...more,
});
